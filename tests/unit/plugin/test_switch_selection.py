"""The spec of a fleet switch from the command line."""

from typing import Any

import pytest

from btcwatcher_plugin.arguments import parse
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.switch_selection import label_selector, spec_of


def spec(*words: str) -> dict[str, Any]:
    return spec_of(parse(["switch", *words]), "ada")


@pytest.mark.parametrize(
    ("text", "expressions"),
    [
        ("desk=crypto", [("desk", "In", ["crypto"])]),
        ("desk==crypto,team!=a", [("desk", "In", ["crypto"]), ("team", "NotIn", ["a"])]),
        ("desk in (b, a), !old", [("desk", "In", ["a", "b"]), ("old", "DoesNotExist", None)]),
        ("desk notin (a),btcwatcher.io/x", [("desk", "NotIn", ["a"]), ("btcwatcher.io/x", "Exists", None)]),
    ],
)
def test_selectors_are_kubectls(text: str, expressions: list[tuple[str, str, list[str] | None]]) -> None:
    wanted = [
        {"key": key, "operator": operator, **({"values": values} if values else {})}
        for key, operator, values in expressions
    ]
    assert label_selector(text) == {"matchExpressions": wanted}


@pytest.mark.parametrize("text", ["desk=", "=a", "desk in a", "(a)"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    if text == "desk=":
        # An empty value is one, as it is for kubectl.
        assert label_selector(text)["matchExpressions"][0]["values"] == [""]
        return
    with pytest.raises(PluginError, match="no selector of labels"):
        label_selector(text)


def test_all_that_was_given_is_in_it_and_nothing_else() -> None:
    assert spec("close", "ema", "rsi", "ema", "--order-type", "Market", "--reason", "halt") == {
        "action": "CloseTrades",
        "requestedBy": "ada",
        "reason": "halt",
        "strategies": ["ema", "rsi"],
        "orderType": "Market",
    }
    assert spec("stop", "-A", "--mode", "Live", "--exchange", "okx", "--dry-run") == {
        "action": "Stop",
        "requestedBy": "ada",
        "reason": "",
        "modes": ["Live"],
        "exchanges": ["okx"],
        "dryRun": True,
    }


@pytest.mark.parametrize(
    ("words", "said"), [(["pause"], "say which bots"), (["pause", "ema", "-A"], "a name is one of a namespace")]
)
def test_nobody_is_reached_by_mistake(words: list[str], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        spec(*words)
