import re
from pathlib import Path

from btcwatcher_crds.conditions import ConditionType, Reason
from btcwatcher_crds.termination import TerminationReason
from btcwatcher_operator.catalogue import text
from btcwatcher_operator.metrics import METRICS

PAGE = Path(__file__).parents[3] / "docs" / "conditions.md"


def test_the_page_is_what_the_constants_say() -> None:
    assert PAGE.read_text() == text(), "run: python -m btcwatcher_operator.catalogue docs/conditions.md"


def test_everything_is_there_with_a_sentence() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", text(), flags=re.MULTILINE))
    assert [name for name, sentence in rows.items() if not sentence] == []
    expected = {member.value for enum in (ConditionType, Reason, TerminationReason) for member in enum}
    assert expected <= set(rows)
    assert {metric.name for metric in METRICS} <= {name.partition("{")[0] for name in rows}
    assert {"btcwatcher.io/strategy", "btcwatcher.io/restartedAt", "btcwatcher.io/applied"} <= set(rows)
