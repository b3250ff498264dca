import pytest

from btcwatcher_bot.proxies.request import Request, RequestError, parse


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


def test_connect() -> None:
    asked = parse(head("CONNECT api.binance.com:443 HTTP/1.1", "Host: api.binance.com:443"))
    assert asked == Request("api.binance.com", 443, True, b"")


def test_connect_by_address() -> None:
    assert parse(head("CONNECT [2001:db8::1]:443 HTTP/1.1")).host == "2001:db8::1"


def test_plain_http_becomes_a_request_of_its_server_for_one_answer() -> None:
    asked = parse(
        head(
            "GET http://paper:8200/api/v3/klines?symbol=A HTTP/1.1",
            "Host: paper:8200",
            "Proxy-Connection: keep-alive",
            "Connection: keep-alive",
            "Proxy-Authorization: Basic eA==",
            "X-MBX-APIKEY: key",
        )
    )
    assert (asked.host, asked.port, asked.tls) == ("paper", 8200, False)
    assert asked.forward == head(
        "GET /api/v3/klines?symbol=A HTTP/1.1", "Host: paper:8200", "X-MBX-APIKEY: key", "Connection: close"
    )


def test_a_plain_websocket_keeps_its_upgrade() -> None:
    asked = parse(head("GET ws://paper/ws HTTP/1.1", "Host: paper", "Connection: Upgrade", "Upgrade: websocket"))
    assert (asked.host, asked.port) == ("paper", 80)
    assert asked.forward == head("GET /ws HTTP/1.1", "Host: paper", "Connection: Upgrade", "Upgrade: websocket")


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.1",
        "GET https://paper/ HTTP/1.1",
        "CONNECT paper HTTP/1.1",
        "CONNECT paper:port HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "nonsense",
    ],
)
def test_what_no_proxy_can_carry_out(line: str) -> None:
    with pytest.raises(RequestError):
        parse(head(line))
