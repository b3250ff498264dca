"""The collector refuses to start with what cannot work, and says which variable."""

from pathlib import Path

import pytest

from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.settings import SettingsError, load

URL = "postgresql://u:sesame@h/d"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATABASE_URL", "BOT_KEY_FILE"):
        monkeypatch.delenv(f"BTCWATCHER_{name}", raising=False)
    file = tmp_path / "bot.key"
    file.write_text("b" * 32 + "\n")
    return file


def test_what_is_missing_is_named(key: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(CollectorSettings)
    for name in ("DATABASE_URL", "BOT_KEY_FILE"):
        assert f"BTCWATCHER_{name} is not set" in str(caught.value)


def test_a_key_that_is_short_or_not_there_is_refused(key: Path, tmp_path: Path) -> None:
    assert load(CollectorSettings, database_url=URL, bot_key_file=key).bot_key() == b"b" * 32
    key.write_text("short")
    for file, reason in ((key, "holds 5 bytes"), (tmp_path / "none", "cannot read")):
        with pytest.raises(SettingsError, match=f"BTCWATCHER_BOT_KEY_FILE.*{reason}"):
            load(CollectorSettings, database_url=URL, bot_key_file=file).bot_key()


@pytest.mark.parametrize(
    "address", ["{service}:{port}", "http://{pod}:{port}", "http://bots", "ftp://{service}:{port}", "http://{port"]
)
def test_an_address_that_leads_nowhere_is_refused(key: Path, address: str) -> None:
    with pytest.raises(SettingsError, match="BTCWATCHER_BOT_ADDRESS"):
        load(CollectorSettings, database_url=URL, bot_key_file=key, bot_address=address)


def test_the_address_of_a_bot_is_that_of_its_service(key: Path) -> None:
    address = load(CollectorSettings, database_url=URL, bot_key_file=key).bot_address
    assert address.format(service="ema", namespace="desk", port=8081) == "http://ema.desk.svc:8081"
