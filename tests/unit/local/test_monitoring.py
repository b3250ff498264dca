"""Prometheus and Alertmanager of the stack: their configurations, and what is said where they are not."""

import json
import subprocess
from pathlib import Path

import pytest

from btcwatcher_local.monitoring import config
from btcwatcher_local.monitoring.config import Target
from btcwatcher_local.monitoring.programs import Programs, find, find_all, prometheus_command, working_directory
from btcwatcher_local.stack import monitoring
from btcwatcher_local.stack.layout import Layout
from btcwatcher_local.stack.progress import Progress
from btcwatcher_local.stack.stack import Stack, Wishes
from support import alerts

TARGETS = [Target("btcwatcher-api", "127.0.0.1:8000"), Target("kubelet", "127.0.0.1:4", "/metrics/cadvisor", Path("t"))]


def empty(folder: Path) -> Programs:
    """As on a machine that has neither."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder))
        return find_all(folder)


def test_alertmanager_is_configured_as_documented() -> None:
    wanted = alerts.documented("route:")
    (hook,) = wanted["receivers"][0]["webhook_configs"]
    hook["url"] = "http://127.0.0.1:8000/api/v1/notifications/alertmanager"
    hook["http_config"]["authorization"]["credentials_file"] = "/stack/keys/alertmanager"
    assert config.alertmanager("http://127.0.0.1:8000", Path("/stack/keys/alertmanager")) == wanted


def test_prometheus_tells_alertmanager_as_documented() -> None:
    made = config.prometheus(TARGETS, [Path("/etc/prometheus/btcwatcher.yaml")], "alertmanager:9093", 15)
    assert {name: made[name] for name in ("rule_files", "alerting")} == alerts.documented("rule_files:")
    assert "alerting" not in config.prometheus(TARGETS, [], None, 15)


def test_a_scraped_series_keeps_its_own_labels() -> None:
    jobs = config.prometheus(TARGETS, [], None, 15)["scrape_configs"]
    assert [(job["job_name"], job["honor_labels"], job["metrics_path"]) for job in jobs] == [
        ("btcwatcher-api", True, "/metrics"),
        ("kubelet", True, "/metrics/cadvisor"),
    ]
    assert ["authorization" in job for job in jobs] == [False, True]


@pytest.mark.skipif(find("promtool") is None, reason="no promtool: `make test` brings it where there is apt-get")
def test_promtool_takes_it(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("token")
    file = tmp_path / "prometheus.yml"
    file.write_text(json.dumps(config.prometheus(TARGETS, [monitoring.RULES], "127.0.0.1:8005", 15)))
    checked = subprocess.run(
        [str(find("promtool")), "check", "config", file], check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "rules found" in checked.stdout


@pytest.mark.skipif(find("amtool") is None, reason="no amtool: `make test` brings it where there is apt-get")
def test_amtool_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(json.dumps(config.alertmanager("http://127.0.0.1:8000", tmp_path / "key")))
    checked = subprocess.run([str(find("amtool")), "check-config", file], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_is_missing_is_one_line_and_the_stack_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = Stack(Layout(tmp_path), Progress())
    monitoring.prepare(stack, Wishes(tmp_path, monitoring=True), empty(tmp_path))
    assert (stack.prometheus_url, stack.alertmanager_url) == ("", "")
    (said,) = capsys.readouterr().out.splitlines()
    assert "no prometheus here" in said
    assert stack.monitoring_missing in said


def test_prometheus_alone_is_started_and_the_other_is_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack(Layout(tmp_path), Progress())
    monitoring.prepare(stack, Wishes(tmp_path, monitoring=True), Programs(Path("/usr/bin/prometheus"), None))
    assert stack.prometheus_url.startswith("http://127.0.0.1:")
    assert stack.alertmanager_url == ""
    assert "no alertmanager here" in capsys.readouterr().out


def test_who_does_not_want_it_hears_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = Stack(Layout(tmp_path), Progress())
    monitoring.prepare(stack, Wishes(tmp_path))
    assert (stack.prometheus_url, stack.monitoring_missing, capsys.readouterr().out) == ("", "", "")


def test_what_was_unpacked_comes_before_the_path(tmp_path: Path) -> None:
    ours = tmp_path / "usr" / "bin" / "prometheus"
    ours.parent.mkdir(parents=True)
    ours.touch()
    assert find("prometheus", unpacked=tmp_path) == ours
    assert working_directory(ours) == tmp_path, "Debian's Alertmanager finds its templates from there"
    assert working_directory(Path("/opt/alertmanager/alertmanager")) == Path("/opt/alertmanager")


def test_it_keeps_little_and_listens_on_loopback(tmp_path: Path) -> None:
    command = prometheus_command(Path("prometheus"), tmp_path / "p.yml", tmp_path / "data", "127.0.0.1:8004")
    assert "--storage.tsdb.retention.time=15d" in command
    assert "--storage.tsdb.retention.size=512MB" in command
    assert "--web.listen-address=127.0.0.1:8004" in command
