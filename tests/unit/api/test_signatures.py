"""Standard Webhooks signatures."""

import pytest

from btcwatcher_api.signals.signatures import TOLERANCE_SECONDS, NotSigned, Signed, secret_of, signed

TOKEN = "kAbc_-0123456789abcdefghijklmnopqrstuvwxyzABC"
BODY = '{"action": "message", "message": "你好"}'.encode()
AT = 1795377037
# Made by the specification's own package, standardwebhooks 1.1.0, with `secret_of(TOKEN)`.
SIGNATURE = b"v1,5HSYNSw1lrzyjSgr5ucPqKUYTRWwO5zSRakStjECGJs="
HEADERS = {b"webhook-id": b"msg_2026", b"webhook-timestamp": b"1795377037", b"webhook-signature": SIGNATURE}


def read(**changes: bytes | None) -> Signed:
    headers = {**HEADERS, **{f"webhook-{name}".encode(): value for name, value in changes.items()}}
    message = signed({name: value for name, value in headers.items() if value is not None})
    assert message is not None
    return message


def test_the_reference_implementations_signature_is_good() -> None:
    assert secret_of(TOKEN) == "whsec_a0FiY18tMDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJD"
    for now in (AT - TOLERANCE_SECONDS, AT, AT + TOLERANCE_SECONDS):
        read().check(BODY, [TOKEN.encode()], now)


def test_one_good_signature_and_one_good_secret_are_enough() -> None:
    message = read(signature=b"v1a,xxxx v1,bm90IHRoaXM= " + SIGNATURE)
    message.check(BODY, [b"the new generation's", TOKEN.encode()], AT)


@pytest.mark.parametrize(
    ("changes", "body", "at", "header"),
    [
        ({}, BODY + b" ", AT, "webhook-signature"),
        ({"id": b"msg_2027"}, BODY, AT, "webhook-signature"),
        ({"timestamp": b"1795377038"}, BODY, AT, "webhook-signature"),
        ({"signature": b"v1,"}, BODY, AT, "webhook-signature"),
        ({"signature": b""}, BODY, AT, "webhook-signature"),
        ({"signature": SIGNATURE.replace(b"v1,", b"v2,")}, BODY, AT, "webhook-signature"),
        ({}, BODY, AT + TOLERANCE_SECONDS + 1, "webhook-timestamp"),
        ({}, BODY, AT - TOLERANCE_SECONDS - 1, "webhook-timestamp"),
        ({"timestamp": b"soon"}, BODY, AT, "webhook-timestamp"),
        ({"timestamp": None}, BODY, AT, "webhook-timestamp"),
        ({"id": None}, BODY, AT, "webhook-id"),
        ({"id": b"x" * 256}, BODY, AT, "webhook-id"),
    ],
)
def test_anything_else_is_refused_and_the_header_named(
    changes: dict[str, bytes | None], body: bytes, at: int, header: str
) -> None:
    with pytest.raises(NotSigned) as caught:
        read(**changes).check(body, [TOKEN.encode()], at)
    assert caught.value.header == header
    assert TOKEN not in str(caught.value)


def test_without_a_signature_there_is_none() -> None:
    assert signed({b"webhook-id": b"msg_2026"}) is None
