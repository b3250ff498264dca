"""The Proxy custom resource as types: a way to the exchanges, and whether it works. Rendered like Strategy's."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from btcwatcher_crds.names import API_VERSION, PROXY_KIND, PROXY_NAME_MAX_LENGTH, PROXY_URL_KEY
from btcwatcher_crds.rules import name_rule, rule, rules
from btcwatcher_crds.strategy import Conditions, Contract, Metadata


class SecretKeyReference(Contract):
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of a Secret in the Proxy's namespace."""
    key: Annotated[str, Field(min_length=1, max_length=253)] = PROXY_URL_KEY
    """Key of the Secret that holds the URL."""


class ProxyTest(Contract):
    model_config = ConfigDict(
        json_schema_extra=rule(
            "self.timeoutSeconds <= self.intervalSeconds",
            "timeoutSeconds must not be longer than intervalSeconds: a test ends before the next one begins",
        )
    )

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            json_schema_extra=rule(
                "self.matches('^https?://[^/@?#[:space:]]+([/?][^#[:space:]]*)?$')",
                "must be an http:// or https:// URL without user name and password, such as "
                "https://api.binance.com/api/v3/ping",
            ),
        ),
    ] = "https://cp.cloudflare.com/generate_204"
    """Fetched through the proxy; an answer with a status below 400 shows that the proxy works."""
    interval_seconds: Annotated[int, Field(ge=5, le=3600)] = 60
    """Seconds from one test to the next."""
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 10
    """Seconds after which a test has failed."""


class ProxySpec(Contract):
    url_secret_ref: SecretKeyReference
    """A Secret's key with the proxy's URL, http:// or socks5://, with user and password where the proxy wants them."""
    test: ProxyTest = ProxyTest()
    """How it is told whether the proxy works."""


class ProxyStatus(Contract):
    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation this status speaks of."""
    latency_milliseconds: Annotated[int | None, Field(ge=0)] = None
    """How long the last successful test took, from connecting to the first byte of the answer."""
    last_check: datetime | None = None
    """When the last test ended."""
    conditions: Conditions = Field(default_factory=list)
    """The state, as conditions."""


class Proxy(Contract):
    """An HTTP or SOCKS5 proxy that bots reach their exchange through."""

    api_version: str = API_VERSION
    kind: str = PROXY_KIND
    metadata: Metadata
    spec: ProxySpec
    status: ProxyStatus = ProxyStatus()


PROXY_ROOT_RULES: Final = rules(name_rule(PROXY_NAME_MAX_LENGTH))
