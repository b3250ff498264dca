"""`btcwatcher-api keys`: what is made, and what is missing beside what is there."""

import base64
from urllib.parse import urlsplit

import pytest

from btcwatcher_api.platform_keys import (
    KEYS,
    BadSecretError,
    database_access,
    missing,
    missing_whole,
    platform_keys,
)
from btcwatcher_crds.derive import check_key


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def test_keys_are_long_begin_with_a_letter_and_are_all_different() -> None:
    made = platform_keys()
    assert tuple(made) == KEYS
    assert len(set(made.values()) | set(platform_keys().values())) == 2 * len(KEYS)
    for value in made.values():
        assert check_key(value.encode(), "it") == value.encode()
        assert value[0].isalpha()
        assert value.isascii()


def test_only_what_is_missing_is_added() -> None:
    made = platform_keys()
    held = {"webhook": encoded("w" * 32), "somebody-elses": encoded("x")}
    assert missing(held, made) == {name: made[name] for name in ("bot", "signing", "read-token")}
    assert missing({name: encoded(value) for name, value in made.items()}, platform_keys()) == {}


@pytest.mark.parametrize("short", ["", "tooshort", " " * 40])
def test_a_key_that_is_too_short_is_named_and_never_shown(short: str) -> None:
    with pytest.raises(BadSecretError, match="key bot holds less than 32 bytes") as raised:
        missing({"bot": encoded(short)}, platform_keys())
    assert "tooshort" not in str(raised.value)


def test_a_databases_access_is_one_whole() -> None:
    made = database_access("btcwatcher-database")
    parts = urlsplit(made["uri"])
    assert (parts.scheme, parts.username, parts.password) == ("postgresql", made["username"], made["password"])
    assert (parts.hostname, str(parts.port), parts.path) == (made["host"], made["port"], f"/{made['dbname']}")
    assert missing_whole({}, made) == made
    assert missing_whole({name: encoded(value) for name, value in made.items()}, database_access("another")) == {}
    with pytest.raises(BadSecretError, match="lacks dbname, host, password, port, username"):
        missing_whole({"uri": encoded(made["uri"])}, database_access("btcwatcher-database"))
