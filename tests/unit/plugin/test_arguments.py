"""What is typed after `kubectl btcwatcher`."""

import pytest

from btcwatcher_plugin.arguments import parse
from btcwatcher_plugin.kubectl import Kubectl, KubectlError
from btcwatcher_plugin.output import age, moment, table


def test_options_of_kubectl_are_handed_on() -> None:
    parsed = parse(["status", "ema", "-n", "trading", "--context", "prod", "--as=jane"])
    assert parsed.kubectl_flags == ["--namespace=trading", "--context=prod", "--as=jane"]
    assert (parsed.handler, parsed.names) == ("status", ["ema"])


def test_the_namespace_of_what_was_found_takes_the_place_of_the_users() -> None:
    client = Kubectl("kubectl", ("--namespace=default", "--context=prod"))
    assert client.line("get", "pods") == ["kubectl", "--namespace=default", "--context=prod", "get", "pods"]
    found = client.line("get", "pods", "--namespace", "trading")
    assert found == ["kubectl", "--context=prod", "get", "pods", "--namespace", "trading"]


@pytest.mark.parametrize("command", ["status", "logs", "suspend", "pause", "resume", "restart", "approve"])
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: kubectl btcwatcher {command} ")
    assert "--context NAME" in shown


def test_kubectls_errors_are_its_last_words_and_a_hint() -> None:
    logged = 'E1127 20:26:23.682940   21408 memcache.go:265] "Unhandled Error"'
    missing = KubectlError(f'{logged}\nerror: the server doesn\'t have a resource type "x"')
    assert str(missing).startswith("error: the server doesn't have a resource type")
    assert "not installed" in str(missing)
    assert KubectlError('Error from server (NotFound): strategies.btcwatcher.io "x" not found').not_found
    assert KubectlError("Error from server (Conflict): Operation cannot be fulfilled").conflict


def test_columns_stand_below_each_other() -> None:
    lines = table(["A", "LONG", "END"], [["xxx", "", "y"], ["", "z", ""]]).splitlines()
    assert lines == ["A     LONG   END", "xxx   -      y", "-     z      -"]


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        ("2026-11-27T11:59:01Z", "59s"),
        ("2026-11-27T11:58:00.000001Z", "119s"),
        ("2026-11-27T10:30:00Z", "90m"),
        ("2026-11-26T10:00:00Z", "26h"),
        ("2026-11-20T12:00:00Z", "7d"),
        ("2026-11-27T12:00:05Z", "0s"),
        ("", ""),
        (None, ""),
    ],
)
def test_ages_are_short(stamp: str | None, shown: str) -> None:
    assert age(stamp, moment("2026-11-27T12:00:00Z")) == shown
