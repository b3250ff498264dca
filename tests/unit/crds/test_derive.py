import pytest

from btcwatcher_crds.derive import bot_api_credentials, check_key, webhook_token

KEY = b"k" * 32


def test_a_token_is_the_same_each_time_and_another_for_each_part() -> None:
    token = webhook_token(KEY, "trading", "ema", 1)
    assert token == webhook_token(KEY, "trading", "ema", 1)
    others = [
        webhook_token(b"x" * 32, "trading", "ema", 1),
        webhook_token(KEY, "trading2", "ema", 1),
        webhook_token(KEY, "trading", "ema2", 1),
        webhook_token(KEY, "trading", "ema", 2),
    ]
    assert len({token, *others}) == 5


def test_credentials_survive_freqtrades_coercion_and_its_length_checks() -> None:
    credentials = bot_api_credentials(KEY, "trading", "ema")
    secrets = (credentials.password, credentials.jwt_secret, credentials.ws_token)
    assert len(set(secrets)) == 3
    for secret in secrets:
        assert secret[0].isalpha()
        assert len(secret) >= 32
    assert credentials.password not in repr(credentials)


def test_a_short_key_is_refused_with_its_name() -> None:
    with pytest.raises(ValueError, match=r"THE_FILE holds 5 bytes.*openssl"):
        check_key(b"short\n", "THE_FILE")
