"""The webhook on a real Postgres: what is taken, what is refused, and how it says so."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest

from support.api import FREQTRADE, STRATEGY, Api, strategy, token, webhook

pytestmark = pytest.mark.integration

ENTRY = FREQTRADE["entry"]


def rows(url: str, columns: str = "type") -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT {columns} FROM signals ORDER BY id").fetchall()  # noqa: S608


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["title"]
    assert document["request_id"] == response.headers["x-request-id"]
    return document


@pytest.mark.parametrize("kind", sorted(set(FREQTRADE) - {"new_candle"}))
async def test_real_messages_are_stored_once_however_often_they_come(served: Api, postgres_url: str, kind: str) -> None:
    answers = [await served.send(FREQTRADE[kind]) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    identifier = answers[0].json()["id"]
    assert [(str(found), kind_) for found, kind_ in rows(postgres_url, "id, type")] == [(identifier, kind)]


async def test_a_stored_entry_has_every_figure(served: Api) -> None:
    identifier = (await served.send({**ENTRY, "enter_tag": "pulse:0.83"})).json()["id"]
    signal = (await served.read(f"/api/v1/signals/{identifier}")).json()
    expected = {
        "id": identifier,
        "strategy_id": STRATEGY,
        "namespace": "trading",
        "strategy": "ema-cross",
        "source": "freqtrade",
        "type": "entry",
        "pair": "BTC/USDT",
        "direction": "long",
        "trade_id": "1",
        "price": "60414.57469",
        "amount": "0.00165",
        "stake": "99.6840482385",
        "stake_currency": "USDT",
        "strength": "0.83",
        "level": "Strong",
        "priority": 0,
        "enter_tag": "pulse:0.83",
        "event_time": "2026-11-22T19:50:37.289723Z",
        "recovered": False,
    }
    assert {name: signal[name] for name in expected} == expected
    assert signal["payload"] == {**ENTRY, "enter_tag": "pulse:0.83"}


async def test_grading_follows_the_strategy_at_once(served: Api) -> None:
    served.registry.put(strategy(thresholds={"strong": "1", "medium": "0.9", "weak": "0.85"}))
    identifier = (await served.send({**ENTRY, "enter_tag": "pulse:0.83"})).json()["id"]
    signal = (await served.read(f"/api/v1/signals/{identifier}")).json()
    assert (signal["level"], signal["priority"]) == ("Ignore", None)


async def test_events_that_look_alike_stay_apart(served: Api, postgres_url: str) -> None:
    added = {**ENTRY, "sub_trade": "True"}
    partial = {**FREQTRADE["exit_fill"], "sub_trade": "True", "is_final_exit": "False"}
    reused = {**ENTRY, "open_date": "2026-11-22 21:00:00.000001+00:00"}
    bodies = [
        ENTRY,
        reused,
        added,
        {**added, "amount": "0.00166"},
        FREQTRADE["entry_fill"],
        partial,
        {**partial, "close_date": "2026-11-22 19:55:00.000001+00:00"},
        {**ENTRY, "type": "entry_cancel", "reason": "timeout"},
        FREQTRADE["warning"],
        {**FREQTRADE["warning"], "status": "another"},
    ]
    answers = await asyncio.gather(*(served.send(body) for body in bodies * 2))
    assert {answer.status_code for answer in answers} == {202}
    first, again = answers[: len(bodies)], answers[len(bodies) :]
    assert [answer.json() for answer in first] == [answer.json() for answer in again]
    assert len(rows(postgres_url)) == len(bodies)


@pytest.mark.parametrize("body", [FREQTRADE["status"], {**ENTRY, "sub_trade": "True"}], ids=["status", "sub_trade"])
async def test_an_undated_event_may_happen_again_after_the_window(
    served: Api, postgres_url: str, body: dict[str, Any]
) -> None:
    first = await served.send(body)
    with psycopg.connect(postgres_url) as connection:
        # As if it had come half a minute earlier.
        connection.execute("UPDATE signals SET event_time = event_time - interval '31 seconds'")
    second = await served.send(body)
    assert first.json()["id"] != second.json()["id"]
    assert len(rows(postgres_url)) == 2


async def test_the_fill_of_an_entry_is_known_again_after_any_time(served: Api, postgres_url: str) -> None:
    body = FREQTRADE["entry_fill"]
    await served.send(body)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE signals SET event_time = event_time - interval '1 minute'")
    await served.send(body)
    assert len(rows(postgres_url)) == 1


async def test_strategies_do_not_share_events(served: Api, postgres_url: str) -> None:
    served.registry.put(strategy("trading.other"))
    await served.send(ENTRY)
    await served.send(ENTRY, "trading.other")
    assert len(rows(postgres_url)) == 2


async def test_market_data_is_acknowledged_and_not_kept(served: Api, postgres_url: str) -> None:
    answer = await served.send(FREQTRADE["new_candle"])
    assert (answer.status_code, answer.json()) == (202, {"id": None, "status": "ignored"})
    assert rows(postgres_url) == []


async def test_a_plain_signal_as_tradingview_announces_it(served: Api) -> None:
    body = b'{"action": "entry", "pair": "BTC/USDT", "signal_strength": 0.65, "price": 60000.10}'
    answer = await served.send(body, headers={"Content-Type": "text/plain; charset=utf-8"})
    assert answer.status_code == 202
    [signal] = await served.history()
    assert (signal["source"], signal["level"], signal["price"]) == ("plain", "Medium", "60000.10")


async def test_what_a_bot_sends_as_it_ends_with_its_strategy_is_kept(served: Api, postgres_url: str) -> None:
    served.registry.remove(strategy())
    assert (await served.send(FREQTRADE["exit_fill"])).status_code == 202
    assert rows(postgres_url) == [("exit_fill",)]


async def test_both_generations_of_a_token_are_valid_and_no_other(served: Api) -> None:
    served.registry.put(strategy(tokenGeneration=3))
    for generation, status in ((3, 202), (2, 202), (1, 401), (4, 401)):
        answer = await served.send(ENTRY, auth=("any", token(generation=generation)))
        assert answer.status_code == status, generation


@pytest.mark.parametrize(
    "options",
    [
        {"auth": None},
        {"auth": (STRATEGY, "wrong")},
        {"auth": (STRATEGY, "")},
        {"auth": (STRATEGY, token("trading.other"))},
        {"auth": None, "headers": {"Authorization": f"Digest {token()}"}},
        {"auth": None, "headers": {"Authorization": "Basic not-base64!"}},
        {"auth": None, "headers": {"Authorization": "Basic bm9jb2xvbg=="}},
    ],
)
async def test_401_without_the_strategys_token(served: Api, options: dict[str, Any]) -> None:
    answer = await served.send(ENTRY, **options)
    assert token() not in problem(answer, 401)["detail"]
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("identifier", ["trading.unknown", "trading", "a.b.c", "%2e%2e", "trading.ema-cross%00"])
async def test_404_for_an_unknown_strategy(served: Api, identifier: str) -> None:
    problem(await served.http.post(f"/api/v1/signals/webhook/{identifier}", json=ENTRY), 404)


@pytest.mark.parametrize("body", [b"", b"{", b"type=entry", b"\xff\xfe", b'{"type": "entry",}', b"[" * 50_000])
async def test_400_for_what_is_not_json(served: Api, body: bytes) -> None:
    problem(await served.send(body), 400)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["type"]),
        ([], ["body"]),
        ({"type": "buy"}, ["type"]),
        ({**ENTRY, "amount": "lots"}, ["amount"]),
        ({**ENTRY, "pair": 5, "open_date": "soon", "amount": {}}, ["open_date", "pair", "amount"]),
        ({"type": "entry", "pair": 5}, ["pair"]),
        ({"type": "warning", "status": 5}, ["status"]),
        ({"action": "entry", "pair": "BTC/USDT", "tag": 1, "stake_currency": 2.5}, ["stake_currency", "tag"]),
        ({"action": "buy", "ticker": 5, "market_position": "long"}, ["ticker"]),
        ({"action": "entry", "pair": ["BTC/USDT"]}, ["pair"]),
        ({"action": "entry", "pair": "BTC/USDT", "signal_strength": 1.5}, ["signal_strength"]),
    ],
)
async def test_422_names_the_fields(served: Api, body: Any, fields: list[str]) -> None:
    document = problem(await served.send(body), 422)
    assert [error["field"] for error in document["errors"]] == fields
    assert all(error["message"] for error in document["errors"])


async def test_422_for_what_only_postgres_refuses(served: Api, postgres_url: str) -> None:
    """A NUL character is JSON, and nothing a jsonb can hold; its neighbours are stored all the same."""
    bad = b'{"type": "warning", "status": "a\\u0000b"}'
    good = [{"type": "warning", "status": f"number {index}"} for index in range(30)]
    answers = await asyncio.gather(
        *(served.send(body) for body in good[:15]), served.send(bad), *(served.send(body) for body in good[15:])
    )
    (error,) = problem(answers[15], 422)["errors"]
    assert (error["field"], "a NUL character (\\u0000), which Postgres cannot keep" in error["message"]) == (
        "status",
        True,
    )
    assert [answer.status_code for answer in answers[:15] + answers[16:]] == [202] * 30
    assert len(rows(postgres_url)) == 30


@pytest.mark.parametrize("size", [256 * 1024 + 1, 1024 * 1024])
async def test_413_for_a_large_body(served: Api, size: int) -> None:
    problem(await served.send(b'{"type": "warning", "status": "' + b"x" * size + b'"}'), 413)


async def test_413_for_a_large_body_without_a_length(served: Api) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b" " * 16_384

    problem(await served.http.post(webhook(), content=endless(), auth=("", token())), 413)


@pytest.mark.parametrize("media", ["application/xml", "multipart/form-data; boundary=x", "image/png"])
async def test_415_for_another_media_type(served: Api, media: str) -> None:
    problem(await served.send(b"{}", headers={"Content-Type": media}), 415)


async def test_415_for_a_compressed_body(served: Api) -> None:
    problem(await served.send(ENTRY, headers={"Content-Encoding": "gzip"}), 415)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_405_for_another_method(served: Api, method: str) -> None:
    answer = await served.http.request(method, webhook())
    problem(answer, 405)
    assert answer.headers["allow"] == "POST"


async def test_503_until_the_strategies_are_known(served: Api) -> None:
    served.registry._synced = False
    for identifier in (STRATEGY, "trading.unknown"):
        answer = await served.send(ENTRY, identifier, auth=("", "wrong"))
        problem(answer, 503)
        assert answer.headers["retry-after"] == "1"


async def test_no_answer_and_no_log_holds_a_token(
    served: Api, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG"):
        texts = [(await served.send(body)).text for body in (ENTRY, b"{", {}, {**ENTRY, "amount": "x"})]
        texts.append((await served.http.post(webhook(), json=ENTRY, auth=("x", "wrong-" + token()))).text)
        texts.append((await served.http.get("/metrics")).text)
    assert not any(token() in text for text in [*texts, caplog.text, *capfd.readouterr()])


async def test_a_hundred_at_once_are_a_hundred_rows(served: Api, postgres_url: str) -> None:
    bodies = [{**ENTRY, "trade_id": str(number)} for number in range(100)]
    answers = await asyncio.gather(*(served.send(body) for body in bodies + bodies[:50]))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 100
    assert len(rows(postgres_url)) == 100
    assert 'btcwatcher_signals_total{level="Weak",type="entry"} 100.0' in (await served.http.get("/metrics")).text


async def test_a_signal_of_any_date_in_the_past_finds_a_place(served: Api, postgres_url: str) -> None:
    for year in (2001, 2026):
        answer = await served.send({"action": "exit", "pair": "A/B", "timestamp": f"{year}-11-22T00:00:00Z"})
        assert answer.status_code == 202
    assert [name for (name,) in rows(postgres_url, "tableoid::regclass::text")] == [
        "signals_default",
        "signals_2026_11",
    ]
