"""What FastAPI cannot see by itself of the API's description: the webhook, and the shape of errors."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from btcwatcher_api import examples
from btcwatcher_api.accounts.schemas import PasswordGrant, RefreshGrant
from btcwatcher_api.problems import ProblemDocument, responses
from btcwatcher_api.signals import webhook
from btcwatcher_api.signals.schemas import Accepted
from btcwatcher_api.signals.types import SignalType

DESCRIPTION: Final = """Runs, watches and scales freqtrade strategies on Kubernetes.

Sign in with `POST /api/v1/auth/token` and send the access token as `Authorization: Bearer ...`; machines send an API
key of `POST /api/v1/auth/keys` the same way. A Strategy's bot, and whoever else sends its signals, shows the
Strategy's own token.

Strategies, NotificationChannels and Proxies are custom resources, which kubectl shows alike. Their ids are
`<namespace>.<name>`. To change one, send the `ETag` of the answer that you read as `If-Match`.

Every error is `application/problem+json` with a sentence that says what to do, the fields at fault, and a `request_id`
that the logs have too."""
TAGS: Final = [
    {"name": "auth", "description": "Accounts, sign-ins, API keys, and who changed what"},
    {"name": "strategies", "description": "The bots: what is wanted of them and how they fare"},
    {"name": "signals", "description": "Signals taken in, and their history"},
    {"name": "notifications", "description": "Who is told, what was sent to whom, and what became of it"},
    {"name": "proxies", "description": "Ways to the exchanges"},
    {"name": "fleet", "description": "One order to many bots at once: pause entries, stop, close all trades, resume"},
    {"name": "system", "description": "How full the platform is and whether its parts work"},
    {"name": "monitoring", "description": "What nodes and bots use"},
]
_ANYBODY: Final = ("/api/v1/auth/register",)
"""A token says more there, and none is needed."""
_OF_BODIES: Final = (400, 408, 413)
"""What can be wrong with any body: not to be read, not there in time, too large."""
_REFERENCE: Final = "#/components/schemas/{model}"

_FREQTRADE: Final = {
    "type": "object",
    "title": "FreqtradeMessage",
    "description": "A webhook message of freqtrade: any value may be a string; unknown fields are kept as well.",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "enum": [kind.value for kind in SignalType]},
        "pair": {"type": "string", "maxLength": 64},
        "trade_id": {"type": "string"},
        "open_date": {"type": "string", "description": "ISO 8601; UTC without a zone"},
        "close_date": {"type": "string", "description": "ISO 8601; UTC without a zone"},
        "enter_tag": {"type": "string", "description": "`name:0.83` states a strength of 0.83"},
        "signal_strength": {"type": "string", "description": "0 to 1"},
    },
    "additionalProperties": True,
}
_NUMBER: Final = {"anyOf": [{"type": "number"}, {"type": "string"}]}
_PLAIN: Final = {
    "type": "object",
    "title": "PlainSignal",
    "description": "A signal of any other sender.",
    "required": ["action"],
    "properties": {
        "action": {"type": "string", "enum": ["entry", "exit", "message"]},
        "pair": {"type": "string", "maxLength": 64, "description": "required unless action is message"},
        "direction": {"type": "string", "enum": ["long", "short"]},
        "signal_strength": {**_NUMBER, "description": "0 to 1"},
        "price": _NUMBER,
        "amount": _NUMBER,
        "stake": _NUMBER,
        "stake_currency": {"type": "string"},
        "profit_ratio": _NUMBER,
        "profit_amount": _NUMBER,
        "tag": {"type": "string"},
        "reason": {"type": "string"},
        "trade_id": {"type": "string"},
        "timestamp": {"description": "ISO 8601, or seconds or milliseconds since 1970; makes retries known for ever"},
        "max_lag": {**_NUMBER, "description": "seconds; an older signal is answered 422 and not stored"},
        "message": {"type": "string"},
    },
    "additionalProperties": True,
}
_TRADINGVIEW: Final = {
    "type": "object",
    "title": "TradingViewAlert",
    "description": "An alert's message, as JSON. GET /api/v1/strategies/{strategy_id}/webhook has one to paste.",
    "required": ["action"],
    "properties": {
        "token": {"type": "string", "description": "the Strategy's webhook token; it is not stored"},
        "action": {"type": "string", "enum": ["buy", "sell", "entry", "exit", "message"]},
        "ticker": {"type": "string", "maxLength": 64, "description": "or `pair`; required unless action is message"},
        "market_position": {
            "type": "string",
            "enum": ["long", "short", "flat"],
            "description": "after the order; required with buy and sell",
        },
        "prev_market_position": {"type": "string", "enum": ["long", "short", "flat"]},
        "direction": {"type": "string", "enum": ["long", "short"]},
        "price": _NUMBER,
        "contracts": _NUMBER,
        "order_id": {"type": "string"},
        "comment": {"type": "string"},
        "signal_strength": {**_NUMBER, "description": "0 to 1"},
        "time": {"description": "ISO 8601, or seconds or milliseconds since 1970: {{timenow}}"},
        "max_lag": {**_NUMBER, "description": "seconds; an older signal is answered 422 and not stored"},
        "message": {"type": "string"},
    },
    "additionalProperties": True,
}
_WEBHOOK_SECURITY: Final = {
    "webhookToken": {
        "type": "http",
        "scheme": "basic",
        "description": "Any user name; the Strategy's webhook token as password",
    },
    "webhookBearer": {"type": "http", "scheme": "bearer", "description": "The Strategy's webhook token"},
    "webhookTokenInUrl": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "The Strategy's webhook token, for senders without headers; better in the body as `token`",
    },
    "webhookSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks, with webhook-id and webhook-timestamp; its secret is whsec_ and the base64"
        " of the Strategy's webhook token",
    },
}
_MESSAGES: Final = {message["title"]: message for message in (_FREQTRADE, _TRADINGVIEW, _PLAIN)}
_JSON_BODY: Final = {"schema": {"anyOf": [{"$ref": _REFERENCE.format(model=title)} for title in _MESSAGES]}}


def install(app: FastAPI) -> None:
    """Make `app.openapi()` complete."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            components = document.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            for model in (ProblemDocument, Accepted, PasswordGrant, RefreshGrant):
                schema = model.model_json_schema(ref_template=_REFERENCE)
                schemas.update(schema.pop("$defs", {}))
                schemas[model.__name__] = schema
            schemas.update(_MESSAGES)
            components.setdefault("securitySchemes", {}).update(_WEBHOOK_SECURITY)
            for path in _ANYBODY:
                document["paths"][path]["post"]["security"] = [{}, {"bearer": []}]
            document["paths"][webhook.PATH] = {"post": _webhook()}
            for operation in (one for methods in document["paths"].values() for one in methods.values()):
                if "requestBody" in operation:
                    for code, answer in responses(*_OF_BODIES).items():
                        operation["responses"].setdefault(str(code), answer)
            examples.add_to(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _webhook() -> dict[str, Any]:
    errors = {str(code): answer for code, answer in responses(400, 401, 404, 408, 413, 415, 422, 500, 503).items()}
    errors["503"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
    errors["401"]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return {
        "tags": ["signals"],
        "operationId": "receiveSignal",
        "summary": "Take in a signal of a Strategy",
        "description": "Answered once the signal is on disk. The same message again is answered alike and stored once.",
        # None as well: the token may come in the body.
        "security": [*({scheme: []} for scheme in _WEBHOOK_SECURITY), {}],
        "parameters": [
            {
                "name": "strategy_id",
                "in": "path",
                "required": True,
                "description": "<namespace>.<name>",
                "schema": {"type": "string", "examples": ["trading.ema-cross"]},
            },
            {
                "name": "max_lag",
                "in": "query",
                "description": "seconds; a signal whose own time is further back is answered 422 and not stored",
                "schema": {"type": "number", "exclusiveMinimum": 0},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": _JSON_BODY,
                "text/plain": _JSON_BODY,
                "application/x-www-form-urlencoded": {"schema": {"$ref": _REFERENCE.format(model=_FREQTRADE["title"])}},
            },
        },
        "responses": {
            "202": {
                "description": "The signal is on disk",
                "content": {"application/json": {"schema": {"$ref": _REFERENCE.format(model=Accepted.__name__)}}},
            },
            **errors,
        },
    }
