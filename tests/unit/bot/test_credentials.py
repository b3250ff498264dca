import json
import stat
from pathlib import Path

from btcwatcher_bot.credentials import read_credentials, run_config, write_private


def test_no_folder_is_no_credentials(tmp_path: Path) -> None:
    assert read_credentials(tmp_path / "credentials") == {}
    assert run_config({}, 15.0) == {"internals": {"heartbeat_interval": 15.0}}


def test_files_become_freqtrades_settings_as_text(tmp_path: Path) -> None:
    for name, value in {
        "key": "1e5",
        "secret": "t\n",
        "password": "",
        "uid": "123",
        "walletAddress": "0xabc",
        "privateKey": "-----BEGIN-----\nAB\n-----END-----\n",
        "other": "left alone",
    }.items():
        (tmp_path / name).write_text(value)
    (tmp_path / "..data").mkdir()

    assert run_config(read_credentials(tmp_path), 15.0)["exchange"] == {
        "key": "1e5",
        "secret": "t",
        "uid": "123",
        "wallet_address": "0xabc",
        "private_key": "-----BEGIN-----\nAB\n-----END-----",
    }


def test_config_file_is_private_even_where_an_open_one_was(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    path.write_text("{}")
    path.chmod(0o644)
    write_private(path, {"exchange": {"key": "k"}})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {"exchange": {"key": "k"}}
