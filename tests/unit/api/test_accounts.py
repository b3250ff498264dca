"""Roles, access tokens, the login limiter: what needs no database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from btcwatcher_api.accounts.limiter import LoginLimiter
from btcwatcher_api.accounts.passwords import Passwords
from btcwatcher_api.accounts.roles import Identity, Role
from btcwatcher_api.accounts.tokens import Signer
from btcwatcher_api.addresses import TrustedProxies
from btcwatcher_api.settings import Settings, SettingsError, load
from support import api

KEY = b"a-signing-key-of-the-unit-tests-only!" * 2


def test_each_role_covers_those_before_it() -> None:
    covered = {role: {other for other in Role if role.covers(other)} for role in Role}
    assert covered == {
        Role.VIEWER: {Role.VIEWER},
        Role.TRADER: {Role.VIEWER, Role.TRADER},
        Role.ADMIN: set(Role),
    }


def test_a_token_says_who_it_is_for() -> None:
    user = uuid4()
    signer = Signer(KEY, timedelta(minutes=5))
    assert signer.identity(signer.access_token(user, "ada", Role.TRADER)) == Identity("ada", Role.TRADER, user)


@pytest.mark.parametrize(
    ("key", "algorithm", "change"),
    [
        (b"another-key-that-is-as-long-as-ours!" * 2, "HS256", {}),
        (KEY, "HS512", {}),
        (None, "none", {}),
        (KEY, "HS256", {"exp": datetime.now(UTC) - timedelta(seconds=1)}),
        (KEY, "HS256", {"exp": None}),
        (KEY, "HS256", {"aud": "freqtrade"}),
        (KEY, "HS256", {"iss": "somebody"}),
        (KEY, "HS256", {"role": "root"}),
        (KEY, "HS256", {"sub": "1"}),
        (KEY, "HS256", {"name": None}),
    ],
)
def test_any_other_token_is_refused(key: bytes | None, algorithm: str, change: dict[str, object]) -> None:
    signer = Signer(KEY, timedelta(minutes=5))
    claims = jwt.decode(signer.access_token(uuid4(), "ada", Role.ADMIN), options={"verify_signature": False})
    changed = {name: value for name, value in {**claims, **change}.items() if value is not None}
    forged = jwt.encode(changed, key, algorithm=algorithm)  # type: ignore[arg-type]
    assert signer.identity(forged) is None


def test_what_is_no_token_is_refused() -> None:
    signer = Signer(KEY, timedelta(minutes=5))
    assert [signer.identity(text) for text in ("", "a.b.c", "…")] == [None, None, None]


def test_ten_attempts_in_five_minutes() -> None:
    now = 1000.0
    limiter = LoginLimiter(10, clock=lambda: now)
    assert [limiter.attempt("ada") for _ in range(10)] == [0] * 10
    now += 100
    assert limiter.attempt("ada") == 200
    assert limiter.attempt("bob") == 0
    now += 200
    assert limiter.attempt("ada") == 0


def test_a_success_clears_the_attempts() -> None:
    limiter = LoginLimiter(10, clock=lambda: 0.0)
    for _ in range(9):
        limiter.attempt("ada")
    limiter.succeeded("ada")
    assert [limiter.attempt("ada") for _ in range(10)] == [0] * 10


def test_ones_own_success_forgives_one_attempt_of_the_address() -> None:
    limiter = LoginLimiter(2, clock=lambda: 0.0)
    limiter.attempt("192.0.2.7")
    limiter.forgive("192.0.2.7")
    limiter.forgive("192.0.2.7")
    assert [limiter.attempt("192.0.2.7") for _ in range(3)] == [0, 0, 300]


def test_the_limiter_forgets_the_oldest_names_first() -> None:
    limiter = LoginLimiter(1, clock=lambda: 0.0)
    for number in range(10_001):
        limiter.attempt(str(number))
    assert (limiter.attempt("0"), limiter.attempt("10000")) == (0, 300)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["1.2.3.4", "203.0.113.5, 10.0.0.2"], "203.0.113.5"),
        ("198.51.100.9", ["203.0.113.5"], "198.51.100.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
    ],
)
def test_whose_address_it_is(peer: str, forwarded: list[str], client: str) -> None:
    """What stands left of the first stranger in X-Forwarded-For anybody may have written."""
    assert TrustedProxies("10.0.0.0/8").client(peer, forwarded) == client
    assert TrustedProxies("").client(peer, forwarded) is None


async def test_a_password_matches_its_own_hash_only() -> None:
    passwords = Passwords()
    stored = await passwords.hashed("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert await passwords.matches("correct horse battery", stored)
    assert not await passwords.matches("correct horse batterz", stored)
    assert not await passwords.matches("correct horse battery", None)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("short", "BTCWATCHER_SIGNING_KEY_FILE .* holds 5 bytes; a platform key has at least 32"),
        (api.KEY.decode(), "BTCWATCHER_SIGNING_KEY_FILE holds the webhook key"),
        ("a" * 40, "BTCWATCHER_SIGNING_KEY_FILE .* holds a placeholder or what is easily guessed"),
        ("please-changeme-before-you-go-to-production", "BTCWATCHER_SIGNING_KEY_FILE .* holds a placeholder"),
    ],
)
def test_a_weak_signing_key_is_refused(tmp_path: Path, key: str, said: str) -> None:
    (tmp_path / "signing.key").write_text(key)
    settings = load(
        Settings,
        database_url="postgresql://u@h/d",
        **api.key_files(tmp_path),
        signing_key_file=tmp_path / "signing.key",
    )
    with pytest.raises(SettingsError, match=said):
        settings.signing_key()
