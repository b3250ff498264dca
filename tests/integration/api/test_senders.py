"""Every kind of sender, as it shows its token and writes its body: what is stored, and that the token is not."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
import pytest

from support.api import FREQTRADE, Api, strategy, token, webhook

pytestmark = pytest.mark.integration

ENTRY = FREQTRADE["entry"]
ALERT = {
    "action": "buy",
    "ticker": "BTCUSDT",
    "market_position": "long",
    "prev_market_position": "flat",
    "price": 67432.50,
    "contracts": "0.1",
}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def stored(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT source, type, pair, payload FROM signals ORDER BY id").fetchall()


def alert(**more: Any) -> dict[str, Any]:
    return {**ALERT, "time": datetime.now(UTC).isoformat(timespec="seconds"), **more}


def fields(answer: httpx.Response) -> list[str]:
    return [error["field"] for error in answer.json()["errors"]]


async def test_a_tradingview_alert_with_its_token_in_the_body(served: Api, postgres_url: str) -> None:
    body = alert()
    sent = json.dumps({**body, "token": token(), "max_lag": 60}).encode()
    answers = [await served.http.post(webhook(), content=sent, headers=TEXT) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202], answers[0].text
    [(source, kind, pair, payload)] = stored(postgres_url)
    assert (source, kind, pair) == ("tradingview", "entry", "BTCUSDT")
    assert payload == {**body, "max_lag": 60}
    [signal] = await served.history()
    assert (signal["source"], signal["direction"], signal["price"]) == ("tradingview", "long", "67432.5")


async def test_the_token_in_the_url(served: Api, postgres_url: str) -> None:
    body = alert()
    for query in (f"token={token()}", f"max_lag=60&token={token()}"):
        answer = await served.http.post(f"{webhook()}?{query}", content=json.dumps(body).encode(), headers=TEXT)
        assert answer.status_code == 202, answer.text
    assert [row[3] for row in stored(postgres_url)] == [body]


async def test_a_token_as_bearer(served: Api) -> None:
    answer = await served.http.post(webhook(), json=alert(), headers={"Authorization": f"Bearer {token()}"})
    assert answer.status_code == 202


async def test_a_signal_that_is_too_old_is_not_taken(served: Api, postgres_url: str) -> None:
    old = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    refused = [
        await served.send(alert(time=old, max_lag=60)),
        await served.send({"action": "exit", "pair": "A/B", "timestamp": old, "max_lag": "60"}),
        await served.http.post(f"{webhook()}?max_lag=60", json=alert(time=old), auth=("", token())),
    ]
    assert [(answer.status_code, fields(answer)) for answer in refused] == [(422, ["max_lag"])] * 3
    assert stored(postgres_url) == []


@pytest.mark.parametrize("kind", ["entry", "exit_fill", "status", "warning"])
async def test_freqtrades_form_is_its_json(served: Api, postgres_url: str, kind: str) -> None:
    body = FREQTRADE[kind]
    first = await served.send(urlencode(body).encode(), headers=FORM)
    again = await served.send(body)
    assert (first.status_code, again.status_code) == (202, 202), first.text
    assert first.json()["id"] == again.json()["id"]
    assert [row[3] for row in stored(postgres_url)] == [body]


async def test_json_that_curl_announces_as_a_form(served: Api) -> None:
    assert (await served.send(json.dumps(ENTRY).encode(), headers=FORM)).status_code == 202


async def test_a_form_that_is_none(served: Api) -> None:
    assert (await served.send(b"entry", headers=FORM)).status_code == 400
    assert (await served.send(b"type=%ff", headers=FORM)).status_code == 400
    twice = await served.send(urlencode(ENTRY).encode() + b"&pair=ETH%2FUSDT", headers=FORM)
    assert (twice.status_code, fields(twice)) == (422, ["pair"])


def signature(body: bytes, key: str, identifier: str, at: datetime) -> dict[str, str]:
    """The headers of a sender that signs, by the specification's words."""
    stamp = int(at.timestamp())
    digest = hmac.digest(key.encode(), f"{identifier}.{stamp}.".encode() + body, "sha256")
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(stamp),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        "Content-Type": "application/json",
    }


async def test_a_signed_message_is_its_id_however_often_it_comes(served: Api, postgres_url: str) -> None:
    body = json.dumps({"action": "message", "message": "hello"}).encode()
    now = datetime.now(UTC)
    answers = [
        await served.http.post(webhook(), content=body, headers=signature(body, token(), identifier, at))
        for identifier, at in (("msg_1", now), ("msg_1", now + timedelta(seconds=60)), ("msg_2", now))
    ]
    assert [answer.status_code for answer in answers] == [202] * 3, answers[0].text
    # The same words under two ids are two messages, also within the window in which equal bodies are one.
    identifiers = [answer.json()["id"] for answer in answers]
    assert identifiers[0] == identifiers[1] != identifiers[2]
    assert len(stored(postgres_url)) == 2


async def test_a_wrong_signature_is_401_and_names_the_header(served: Api) -> None:
    body = b'{"action": "message"}'
    now = datetime.now(UTC)
    for headers, at_fault in (
        (signature(body, "another", "m", now), "webhook-signature"),
        (signature(body, token(), "m", now - timedelta(minutes=6)), "webhook-timestamp"),
        ({**signature(body, token(), "m", now), "webhook-id": "other"}, "webhook-signature"),
    ):
        answer = await served.http.post(webhook(), content=body, headers=headers)
        assert (answer.status_code, fields(answer)) == (401, [at_fault])


async def test_two_generations_are_good_and_a_rotation_leaves_no_gap(served: Api, postgres_url: str) -> None:
    async def codes(generation: int, number: int) -> list[int]:
        key = token(generation=generation)
        body = {"action": "message", "message": f"{generation} at {number}"}
        raw = json.dumps(body).encode()
        answers = [
            await served.http.post(webhook(), json={**body, "way": "basic"}, auth=("", key)),
            await served.http.post(webhook(), json={**body, "way": "body", "token": key}),
            await served.http.post(f"{webhook()}?token={key}", json={**body, "way": "url"}),
            await served.http.post(webhook(), content=raw, headers=signature(raw, key, raw.hex(), datetime.now(UTC))),
        ]
        return [answer.status_code for answer in answers]

    for current in (1, 2, 3):
        served.registry.put(strategy(tokenGeneration=current))
        for generation in (1, 2, 3, 4):
            good = current - 1 <= generation <= current
            assert await codes(generation, current) == [202 if good else 401] * 4, (current, generation)
    assert not any(token(generation=one) in str(row) for row in stored(postgres_url) for one in (1, 2, 3))


@pytest.mark.parametrize(
    "options",
    [
        {"json": ALERT},
        {"json": {**ALERT, "token": "wrong"}},
        {"json": {**ALERT, "token": 5}},
        {"json": {**ALERT, "token": token("trading.other")}},
        {"content": b"not json"},
        {"content": b"[]"},
        {"json": ALERT, "params": {"token": "wrong"}},
        {"json": ALERT, "params": {"token": ""}},
        {"json": ALERT, "params": {str(number): "x" for number in range(50)}},
        {"json": ALERT, "headers": {"Authorization": f"Digest {token()}"}},
        {"json": ALERT, "headers": {"Authorization": f"Bearer {token('trading.other')}"}},
        # What stands in a header decides, even if the URL has the right one.
        {"json": ALERT, "auth": ("", "wrong"), "params": {"token": token()}},
    ],
)
async def test_401_without_the_strategys_token(served: Api, postgres_url: str, options: dict[str, Any]) -> None:
    answer = await served.http.post(webhook(), **options)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), answer.text
    assert stored(postgres_url) == []


async def test_a_field_of_that_name_that_is_no_token_is_kept(served: Api, postgres_url: str) -> None:
    body = {"action": "message", "message": "listed", "token": "PEPE"}
    assert (await served.send(body)).status_code == 202
    assert [row[3] for row in stored(postgres_url)] == [body]


async def test_a_token_in_url_or_body_is_in_no_log_answer_or_metric(
    served: Api, postgres_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    bad: list[Any] = [{**ALERT, "action": "hold"}, {**ALERT, "price": "x"}, {"action": "message", "message": "a\0b"}]
    # The sender's own library is not ours to keep quiet.
    with caplog.at_level("DEBUG"), caplog.at_level("WARNING", logger="httpx"):
        texts = []
        for body in [alert(), *bad]:
            texts.append((await served.http.post(webhook(), json={**body, "token": token()})).text)
            texts.append((await served.http.post(f"{webhook()}?token={token()}", json=body)).text)
            texts.append((await served.http.post(f"{webhook('trading.no')}?token={token()}", json=body)).text)
            texts.append((await served.http.get(f"{webhook()}?token={token()}")).text)
        texts.append((await served.http.post(webhook(), content=token().encode(), headers=FORM)).text)
        texts.append((await served.send(f"token={token()}&bad".encode(), headers=FORM)).text)
        texts.append((await served.http.get("/metrics")).text)
    texts += [caplog.text, *capfd.readouterr(), str(stored(postgres_url))]
    assert "signal refused" in "".join(texts)
    assert not any(token() in text for text in texts)
