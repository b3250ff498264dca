import pytest

from btcwatcher_api.market.privacy import Privacy, privacy
from btcwatcher_api.market.questions import split_query

PLAIN = ["Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"]


def test_a_plain_get_is_public() -> None:
    assert privacy("GET", PLAIN, split_query("symbol=BTCUSDT&limit=5"), has_body=False) is Privacy.PUBLIC


@pytest.mark.parametrize(
    "header",
    [
        "X-MBX-APIKEY",
        "OK-ACCESS-KEY",
        "OK-ACCESS-SIGN",
        "Authorization",
        "Cookie",
        "KC-API-KEY",
        "KC-API-PASSPHRASE",
        "X-BAPI-API-KEY",
        "X-BAPI-SIGN",
        "ACCESS-KEY",
        "ACCESS-SIGN",
        "KEY",
        "SIGN",
        "API-Key",
        "API-Sign",
        "APIKey",
        "Authent",
        "X-MEXC-APIKEY",
        "X-BX-APIKEY",
    ],
)
def test_a_header_of_a_key_is_private(header: str) -> None:
    assert privacy("GET", [*PLAIN, header.lower()], (), has_body=False) is Privacy.PRIVATE
    assert privacy("GET", [*PLAIN, header], (), has_body=False) is Privacy.PRIVATE


@pytest.mark.parametrize(
    "query",
    [
        "signature=x",
        "symbol=A&recvWindow=5",
        "apiKey=x",
        "api_key=x",
        "sign=x",
        "AccessKeyId=x",
        "listenKey=x",
        "nonce=1",
    ],
)
def test_an_argument_of_a_key_is_private(query: str) -> None:
    assert privacy("GET", PLAIN, split_query(query), has_body=False) is Privacy.PRIVATE


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_what_is_no_get_is_private(method: str) -> None:
    assert privacy(method, PLAIN, (), has_body=False) is Privacy.PRIVATE


def test_a_get_with_a_body_is_private() -> None:
    assert privacy("GET", PLAIN, (), has_body=True) is Privacy.PRIVATE


def test_an_unknown_header_is_never_shared() -> None:
    assert privacy("GET", [*PLAIN, "X-Whatever"], (), has_body=False) is Privacy.UNSURE
