"""docs/notifications.md: what it shows works, and it leaves nothing out."""

import re
from dataclasses import fields
from pathlib import Path

import yaml

from btcwatcher_api.notifications.templates.language import FILTERS
from btcwatcher_api.notifications.templates.render import check, render
from btcwatcher_api.notifications.templates.samples import SAMPLES
from btcwatcher_api.notifications.templates.views import View
from btcwatcher_api.signals.types import SignalType
from btcwatcher_crds.notification_channel import ChannelType, Language

PAGE = (Path(__file__).parents[4] / "docs" / "notifications.md").read_text()
LOSS, SEVERAL = re.findall(r"^```jinja\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def inline_templates() -> list[str]:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    manifests = [manifest for block in blocks for manifest in yaml.safe_load_all(block)]
    return [m["spec"]["template"]["inline"] for m in manifests if "template" in m.get("spec", {})]


def test_its_templates_render() -> None:
    assert len(inline_templates()) == 1
    for template in (LOSS, SEVERAL, *inline_templates()):
        assert check(template) is None


def test_a_template_for_one_case_leaves_the_rest_to_the_default() -> None:
    loss = next(sample for sample in SAMPLES if sample.values.get("exit_reason") == "trailing_stop_loss")
    told = render([loss], language=Language.ENGLISH, template=LOSS)
    assert told.message.title == "LOSS -5.12% BTC/USDT · ema-cross"
    assert told.message.body == "Reason: trailing\\_stop\\_loss. Lost 5.10 USDT."
    for other in (sample for sample in SAMPLES if sample is not loss):
        assert render([other], language=Language.ENGLISH, template=LOSS) == render([other], language=Language.ENGLISH)
    group = render([SAMPLES[0], loss], language=Language.ENGLISH, template=LOSS).message
    assert group.title == "2 messages: Entry order 1, Stop loss 1 · ema-cross"
    assert "Entry order BTC/USDT long @ 60414.575 · ema-cross" in group.body
    assert "LOSS -5.12% BTC/USDT · ema-cross" in group.body


def test_a_template_for_several_is_asked_once() -> None:
    message = render(SAMPLES[:3], language=Language.CHINESE, template=SEVERAL).message
    assert message.title == "3 messages (group)"
    assert message.body.count("- 1 × ") == 3


def test_it_names_every_field_filter_type_and_variable() -> None:
    code = set(re.findall(r"`([^`\s]+)`", PAGE))
    assert {field.name for field in fields(View)} <= code
    assert {name for name in FILTERS if name.isalpha()} <= code
    assert {kind.value for kind in SignalType} | {kind.value for kind in ChannelType} <= code
    assert {"subject", "subjects", "count", "more", "counts", "headlines", "shape", "priority", "zone"} <= code
