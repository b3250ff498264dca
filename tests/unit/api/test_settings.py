"""The API refuses to start with what is missing or weak, and says which variable."""

from pathlib import Path

import pytest

from btcwatcher_api.collector.settings import CollectorSettings
from btcwatcher_api.notifications.senders import anything
from btcwatcher_api.notifications.worker.settings import WorkerSettings
from btcwatcher_api.settings import DatabaseSettings, Settings, SettingsError, load


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "WEBHOOK_KEY_FILE", "READ_TOKEN_FILE"):
        monkeypatch.delenv(f"BTCWATCHER_{name}", raising=False)


def settings(tmp_path: Path, key: str = "k" * 32, token: str = "t" * 24, **values: object) -> Settings:
    (tmp_path / "key").write_text(key + "\n")
    (tmp_path / "token").write_text(token + "\n")
    values.setdefault("accounts", False)
    return load(
        Settings,
        database_url="postgresql://u:sesame@h/d",
        webhook_key_file=tmp_path / "key",
        read_token_file=tmp_path / "token",
        **values,
    )


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load(Settings)
    for name in ("DATABASE_URL", "WEBHOOK_KEY_FILE", "READ_TOKEN_FILE"):
        assert f"BTCWATCHER_{name} is not set" in str(caught.value)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BTCWATCHER_DATABASE_URL", "postgresql://u:sesame@h/d")
    monkeypatch.setenv("BTCWATCHER_PARTITION_MONTHS_AHEAD", "5")
    read = load(DatabaseSettings)
    assert read.partition_months_ahead == 5
    assert "sesame" not in repr(read)


def test_without_a_signing_key_it_does_not_start_unless_accounts_are_off(tmp_path: Path) -> None:
    said = "BTCWATCHER_SIGNING_KEY_FILE is not set: .* BTCWATCHER_ACCOUNTS=false"
    with pytest.raises(SettingsError, match=said):
        settings(tmp_path, accounts=True)
    assert settings(tmp_path).signing_key() is None


def test_a_signing_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    named = settings(tmp_path, accounts=True, signing_key_file=tmp_path / "none")
    with pytest.raises(SettingsError, match="BTCWATCHER_SIGNING_KEY_FILE: cannot read"):
        named.signing_key()


@pytest.mark.parametrize("origins", ["*", "example.com", "https://example.com/", "https://a.example, ftp://b", "null"])
def test_what_is_no_origin_is_refused(tmp_path: Path, origins: str) -> None:
    with pytest.raises(SettingsError, match=r"BTCWATCHER_CORS_ORIGINS: .* is no origin"):
        settings(tmp_path, cors_origins=origins)


def test_origins_are_split(tmp_path: Path) -> None:
    given = settings(tmp_path, cors_origins="https://A.example, http://localhost:3000")
    assert given.origins == ["https://a.example", "http://localhost:3000"]


@pytest.mark.parametrize("ports", ["8081", "8081-", "9080-8081", "0-5", "1-70000", "a-b"])
def test_what_is_no_range_is_refused(tmp_path: Path, ports: str) -> None:
    with pytest.raises(SettingsError, match="BTCWATCHER_PORT_RANGE"):
        settings(tmp_path, port_range=ports)


def test_what_is_no_network_is_no_trusted_proxy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BTCWATCHER_TRUSTED_PROXIES: must be addresses or networks"):
        settings(tmp_path, trusted_proxies="10.0.0.0/8, ingress")


def test_keys_are_stripped(tmp_path: Path) -> None:
    good = settings(tmp_path)
    assert (good.webhook_key(), good.read_token()) == (b"k" * 32, "t" * 24)


def test_a_short_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BTCWATCHER_WEBHOOK_KEY_FILE") as caught:
        settings(tmp_path, key="sesame").webhook_key()
    assert "sesame" not in str(caught.value)


def test_a_short_read_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BTCWATCHER_READ_TOKEN_FILE"):
        settings(tmp_path, token="secret").read_token()


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    weak = settings(tmp_path)
    (tmp_path / "key").unlink()
    with pytest.raises(SettingsError, match="BTCWATCHER_WEBHOOK_KEY_FILE: cannot read"):
        weak.webhook_key()


@pytest.mark.parametrize(
    ("name", "value"),
    [("database_url", "mysql://x"), ("port", 70000), ("log_level", "LOUD"), ("undated_window_seconds", 0)],
)
def test_wrong_values_name_their_variable(tmp_path: Path, name: str, value: object) -> None:
    values = {"database_url": "postgresql://h/d", "webhook_key_file": tmp_path, "read_token_file": tmp_path}
    with pytest.raises(SettingsError, match=f"BTCWATCHER_{name.upper()}"):
        load(Settings, **{**values, name: value})


def test_nothing_is_recovered_that_would_be_dropped_at_once(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 32)
    with pytest.raises(SettingsError, match="BTCWATCHER_RECOVER_DAYS must be below BTCWATCHER_RETENTION_SIGNALS_DAYS"):
        load(
            CollectorSettings,
            database_url="postgresql://u:sesame@h/d",
            bot_key_file=tmp_path / "key",
            recover_days=60,
            retention_signals_days=60,
        )


def test_a_worker_has_no_more_slots_than_apprise_has_threads() -> None:
    most = load(WorkerSettings, database_url="postgresql://u:sesame@h/d", worker_slots=256)
    assert most.worker_slots + 2 * (most.worker_slots // 2) == anything.THREADS
    with pytest.raises(SettingsError, match="BTCWATCHER_WORKER_SLOTS"):
        load(WorkerSettings, database_url="postgresql://u:sesame@h/d", worker_slots=257)
