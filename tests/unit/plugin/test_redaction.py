"""No secret leaves in a report, wherever it lay."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from btcwatcher_crds.derive import webhook_token
from btcwatcher_plugin.redaction import GONE, Redactor, known_values

Object = dict[str, Any]

KEY = "Yx7exchangeKey91"
PASSWORD = 'p@ss "w/ord"=1'
TOKEN = webhook_token(b"a platform key of thirty-two bytes or more", "trading", "ema", 1)


def secret(**data: str) -> Object:
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    return {"kind": "Secret", "metadata": {"name": "s", "namespace": "trading"}, "data": encoded}


@pytest.mark.parametrize(
    "line",
    [
        "connecting to postgresql://app:hunter2secret@db:5432/app",
        "proxy socks5://user:hunter2secret@10.0.0.1:1080 answers",
        "GET /api/v3/account?timestamp=1&signature=hunter2secret&x=1",
        "GET https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=hunter2secret",
        "POST https://open.feishu.cn/open-apis/bot/v2/hook/hunter2secret",
        "POST https://hooks.slack.com/services/T0/B0/hunter2secret",
        "Authorization: Bearer hunter2secret",
        "'Authorization': 'Basic dXNlcjpodW50ZXIyc2VjcmV0hunter2secret'",
        "curl -H 'X-Api-Key: hunter2secret'",
        'event="x" password=hunter2secret level=info',
        '{"jwt_secret_key": "hunter2secret", "n": 1}',
        '{"a": "{\\"api_key\\": \\"hunter2secret\\"}"}',
        "{'apiKey': 'hunter2secret', 'secret': 'hunter2secret'}",
        "exchange_secret: hunter2secret",
        "machine api login trading.ema password hunter2secret",
        f"token {TOKEN}",
        "key btcw_hunter2secretA-_bcdefghijklmnop is used",
        "https://api.telegram.org/bot123456789:AAhunter2secretAAAAAAAAAAAAAAAAAAAA/sendMessage",
        "eyJhbGciOiJIUzI1NiJ9.eyJodW50ZXIyc2VjcmV0.hunter2secret",
        "-----BEGIN EC PRIVATE KEY-----\nhunter2secret\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2secret",
    ],
)
def test_what_looks_like_a_secret_is_taken_out(line: str) -> None:
    shown = Redactor().text(line)
    assert "hunter2secret" not in shown
    assert TOKEN not in shown
    assert GONE in shown


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-27 12:00:00 freqtrade.worker INFO Bot heartbeat. PID=1, version='2026.9', state='RUNNING'",
        "revision r2 waits (config.json changed); kubectl -n trading annotate strategy ema --overwrite",
        "POST /api/v1/signals/webhook/trading.ema-cross 202",
        "basic settings of the bearer are read from /bot/data/strategies/a_long_name_of_a_strategy.py",
        "https://ema-cross.trading.bots.example.com/api/v1/ping",
        "tokenGeneration: 3, secretName: tls, automountServiceAccountToken is off",
        "password authentication failed for user app",
    ],
)
def test_what_helps_stays(line: str) -> None:
    assert Redactor().text(line) == line


def test_values_of_secrets_are_found_in_every_spelling() -> None:
    redactor = Redactor(known_values([secret(key=KEY, password=PASSWORD)]))
    for value in (KEY, PASSWORD):
        spellings = value, quote(value, safe=""), json.dumps(value), base64.b64encode(value.encode()).decode()
        for spelling in spellings:
            assert spelling.strip('"') not in redactor.text(f"so it was {spelling} again")


def test_files_in_secrets_give_their_secrets_and_no_ordinary_words() -> None:
    netrc = "machine api.btcwatcher login trading.ema password kNotToBeSeen9\n"
    access = json.dumps({"api_server": {"username": "operator", "password": "alsoNotToBeSeen", "listen_port": 8081}})
    address = "postgresql://app:deepSecret@db.svc:5432/app"
    known = known_values([secret(netrc=netrc, access=access, uri=address, host="db.svc", username="operator")])
    redactor = Redactor(known)
    for value in ("kNotToBeSeen9", "alsoNotToBeSeen", "deepSecret"):
        assert redactor.text(f"<{value}>") == f"<{GONE}>"
    assert redactor.text("trading.ema operator db.svc 8081") == "trading.ema operator db.svc 8081"


def test_short_values_are_not_looked_for() -> None:
    assert known_values([secret(pin="1234", flag="true", uid="123456")]) == ()


def test_objects_lose_what_holds_secrets_and_keep_what_tells() -> None:
    redactor = Redactor(known_values([secret(key=KEY)]))
    pod: Object = {
        "kind": "Pod",
        "metadata": {
            "name": "ema-0",
            "managedFields": [{}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": f"has {KEY}"},
        },
        "spec": {
            "containers": [
                {
                    "name": "freqtrade",
                    "args": ["--password=hunter2secret"],
                    "env": [
                        {"name": "ANYTHING", "value": "plain"},
                        {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "s", "key": "uri"}}},
                    ],
                }
            ],
            "automountServiceAccountToken": False,
        },
    }
    shown = redactor.object(pod)
    text = json.dumps(shown)
    assert "managedFields" not in text
    assert "last-applied" not in text
    for value in (KEY, "hunter2secret", "plain"):
        assert value not in text
    container = shown["spec"]["containers"][0]
    assert container["env"][0] == {"name": "ANYTHING", "value": GONE}
    assert container["env"][1]["valueFrom"]["secretKeyRef"] == {"name": "s", "key": "uri"}
    assert shown["spec"]["automountServiceAccountToken"] is False
    assert pod["metadata"]["managedFields"] == [{}], "the object itself is left as it was"


def test_secrets_and_config_maps_keep_their_keys_and_lengths() -> None:
    shown = Redactor().object(secret(password="0123456789"))
    assert shown["data"] == {"password": "[left out: 16 characters]"}
    config = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"ema.py": "class Ema: ..."}}
    assert Redactor().object(config)["data"] == {"ema.py": "[left out: 14 characters]"}


def test_a_strategys_source_is_left_out_and_its_tokens_generation_is_not() -> None:
    spec: Object = {
        "source": {"inline": "class Ema: edge = 1"},
        "signals": {"tokenGeneration": 3},
        "config": {"external": {"ws_token": "hunter2secret", "url": "wss://u:hunter2secret@h/"}},
        "exchange": {"credentialsRef": {"name": "binance-main"}},
    }
    shown: Object = Redactor().object({"kind": "Strategy", "metadata": {"name": "ema"}, "spec": spec})["spec"]
    assert "edge" not in json.dumps(shown)
    assert "hunter2secret" not in json.dumps(shown)
    assert "sha256" in shown["source"]["inline"]
    assert shown["signals"] == {"tokenGeneration": 3}
    assert shown["exchange"]["credentialsRef"] == {"name": "binance-main"}
