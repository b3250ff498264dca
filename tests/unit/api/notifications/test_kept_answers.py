"""What is kept of a vendor's answer holds nothing of the Secret, whatever form it comes back in."""

import base64

import pytest

from btcwatcher_api.notifications.senders.answers import kept

LOGIN = {"host": "smtp.example.com", "username": "desk-user-1", "password": "S3cret-Passw0rd!"}
URL = {"url": "json://desk-user-1:S3cret-Passw0rd!@hooks.example.com/path-token?q=1#frag-token"}


def encoded(text: str, *, url_safe: bool = False) -> str:
    return (base64.urlsafe_b64encode if url_safe else base64.b64encode)(text.encode()).decode()


@pytest.mark.parametrize(
    ("credentials", "answer", "said"),
    [
        (LOGIN, "500 unknown: AUTH PLAIN " + encoded("\0desk-user-1\0S3cret-Passw0rd!"), "500 unknown: AUTH PLAIN ***"),
        (LOGIN, "535 " + encoded("S3cret-Passw0rd!").rstrip("="), "535 ***"),
        (URL, "401 Basic " + encoded("desk-user-1:S3cret-Passw0rd!"), "401 Basic ***"),
        (URL, '{"auth":"' + encoded("desk-user-1:S3cret-Passw0rd!", url_safe=True) + '"}', '{"auth":"***"}'),
        (URL, "no such fragment: frag-token", "no such fragment: ***"),
    ],
)
def test_nothing_of_a_login_is_kept(credentials: dict[str, str], answer: str, said: str) -> None:
    assert kept(answer, credentials) == said


def test_other_base64_stays() -> None:
    harmless = encoded("what the vendor wants to say to us")
    assert kept(f"id {harmless}", LOGIN) == f"id {harmless}"
