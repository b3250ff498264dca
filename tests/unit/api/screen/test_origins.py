"""Which requests pages of ours made, and where a sign-in leads."""

import pytest

from btcwatcher_api.screen.origins import is_ours, local_path

HOST = {"Host": "frequi.example.com"}


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://frequi.example.com"}, False),
        ({"Origin": "https://frequi.example.com"}, True),
        ({"Origin": "https://FREQUI.example.com"}, True),
        ({"Origin": "https://ema.trading.example.com"}, False),
        ({"Origin": "https://frequi.example.com.evil"}, False),
        ({"Origin": "null"}, False),
    ],
)
def test_a_browser_says_whose_page_asks(headers: dict[str, str], ours: bool) -> None:
    assert is_ours(HOST | headers) is ours


def test_behind_a_proxy_that_changes_the_host_our_address_is_what_we_were_told() -> None:
    headers = {"Host": "10.0.0.7:8006", "Origin": "https://frequi.example.com"}
    assert not is_ours(headers)
    assert is_ours(headers, "https://frequi.example.com")


@pytest.mark.parametrize(
    ("wanted", "leads"),
    [
        ("/trade", "/trade"),
        ("/trade?a=b", "/trade?a=b"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("/\tevil", "/"),
    ],
)
def test_a_sign_in_leads_to_a_path_of_ours(wanted: str, leads: str) -> None:
    assert local_path(wanted) == leads
