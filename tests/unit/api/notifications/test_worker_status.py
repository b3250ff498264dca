"""What a NotificationChannel's status and Events say."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from btcwatcher_api.notifications.registry import ChannelRegistry, KnownChannel
from btcwatcher_api.notifications.worker.states import SharedState
from btcwatcher_api.notifications.worker.status import Template, events_of, same, status_of

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SENT = SharedState(last_reason="Sent", last_sent_at=NOW)
FAILED = replace(SENT, failures=1, last_reason="Timeout", last_answer="no answer within 15 s")
PAUSED = replace(FAILED, failures=5, paused_until=NOW)


def known(status: dict[str, Any] | None = None, **spec: Any) -> KnownChannel:
    registry = ChannelRegistry()
    manifest = {"type": "Telegram", "credentialsRef": {"name": "s"}, **spec}
    metadata = {"namespace": "trading", "name": "desk", "generation": 3}
    registry.replace([{"metadata": metadata, "spec": manifest, "status": status or {}}])
    found = registry.get("trading", "desk")
    assert found is not None
    return found


def said(channel: KnownChannel, state: SharedState, template: Template | None = None) -> dict[str, tuple[str, str]]:
    status = status_of(channel, state, template, NOW)
    return {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}


def test_ready_says_whether_messages_can_be_sent() -> None:
    assert said(known(), SharedState()) == {"Ready": ("Unknown", "NotTried")}
    assert said(known(), SENT) == {"Ready": ("True", "Sent")}
    assert said(known(), FAILED) == {"Ready": ("False", "Timeout")}
    assert said(known(), PAUSED) == {"Ready": ("False", "Timeout"), "Paused": ("True", "Paused")}
    assert said(known(suspend=True), PAUSED) == {"Ready": ("False", "Suspended")}
    assert said(known(type="Pigeon"), SENT) == {"Ready": ("False", "SpecInvalid")}


def test_the_template_is_told_of_only_where_there_is_one() -> None:
    own = known(template={"inline": "{{ a }}"})
    assert said(known(), SENT, Template("line 1: no")) == {"Ready": ("True", "Sent")}
    assert said(own, SENT, Template(None))["TemplateValid"] == ("True", "TemplateValid")
    assert said(own, SENT, Template("line 1: no"))["TemplateValid"] == ("False", "TemplateInvalid")
    before = status_of(own, SENT, Template("line 1: no"), NOW)
    kept = known(before, template={"inline": "{{ a }}"})
    assert said(kept, SENT, None)["TemplateValid"] == ("False", "TemplateInvalid"), "another worker knows"


def test_a_time_zone_that_nobody_knows_is_told_of() -> None:
    quiet = {"start": "22:00", "end": "07:00", "timeZone": "Mars/Olympus"}
    (ready,) = status_of(known(quietHours=quiet), SENT, None, NOW)["conditions"]
    assert "Mars/Olympus" in ready["message"]


def test_a_transition_has_its_time_and_what_says_the_same_is_not_written() -> None:
    first = status_of(known(), SENT, None, NOW)
    later = status_of(known(first), SENT, None, datetime(2026, 11, 28, tzinfo=UTC))
    assert later == first
    assert same(first, later)
    assert not same(first, status_of(known(first), FAILED, None, NOW))


def test_events_are_told_of_changes_only() -> None:
    def reasons(before: SharedState, after: SharedState) -> list[str]:
        return [str(event.reason) for event in events_of(before, after)]

    assert reasons(SENT, SENT) == []
    assert reasons(SENT, FAILED) == ["Timeout"]
    assert reasons(FAILED, replace(FAILED, failures=2)) == []
    assert reasons(FAILED, PAUSED) == ["Paused"]
    assert reasons(PAUSED, replace(PAUSED, failures=6)) == []
    assert reasons(PAUSED, SENT) == ["Recovered"]
    assert reasons(SENT, replace(SENT, last_reason="Rejected")) == ["Rejected"]
