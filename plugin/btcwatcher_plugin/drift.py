"""What a changed spec asks for that the running revision does not have, for somebody to agree to. Pure.

The operator alone renders a config; here what the spec says is compared with what the running one holds.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from btcwatcher_crds import names
from btcwatcher_plugin.redaction import GONE, is_sensitive
from btcwatcher_plugin.words import LIVE

Object = dict[str, Any]

_POD_FILE: Final = "pod-template.json"
_MOST_LINES: Final = 200
_SETTINGS: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (("strategyName",), ("strategy",)),
    (("timeframe",), ("timeframe",)),
    (("exchange", "name"), ("exchange", "name")),
    (("exchange", "pairs"), ("exchange", "pair_whitelist")),
    (("exchange", "pairBlacklist"), ("exchange", "pair_blacklist")),
    (("stake", "currency"), ("stake_currency",)),
    (("stake", "amount"), ("stake_amount",)),
    (("stake", "maxOpenTrades"), ("max_open_trades",)),
    (("stake", "dryRunWallet"), ("dry_run_wallet",)),
)
"""Where a setting is in the spec, and where in freqtrade's config."""
_ABSENT: Final = object()


def differences(spec: Object, running: Mapping[str, str]) -> list[str]:
    """Lines `setting: old -> new`, and the source as a diff. `running` are the files of the running revision.

    A setting that was taken out of spec.config does not show: what it is without it, only the operator knows.
    """
    config = json.loads(running.get(names.CONFIG_FILE, "{}"))
    return [*_settings(spec, config), *_pod(spec, running), *_source(spec, running)]


def _settings(spec: Object, config: Object) -> Iterator[str]:
    own = spec.get("config") or {}
    if bool(config.get("dry_run")) == (spec.get("mode") == LIVE):
        yield f"mode: {'DryRun' if config.get('dry_run') else LIVE} -> {spec.get('mode')}"
    for place, path in _SETTINGS:
        wanted = _at(spec, place)
        # spec.config is merged last.
        if wanted is not _ABSENT and _at(own, path) is _ABSENT:
            yield from _line(".".join(place), _at(config, path), wanted)
    for path, value in _leaves(own):
        yield from _line(f"config.{'.'.join(path)}", _at(config, path), value)


def _pod(spec: Object, running: Mapping[str, str]) -> Iterator[str]:
    containers = json.loads(running.get(_POD_FILE, "{}")).get("spec", {}).get("containers") or [{}]
    if spec.get("image"):
        yield from _line("image", containers[0].get("image", _ABSENT), spec["image"])
    for path, value in _leaves(spec.get("resources") or {}):
        yield from _line(f"resources.{'.'.join(path)}", _at(containers[0].get("resources") or {}, path), value)


def _source(spec: Object, running: Mapping[str, str]) -> Iterator[str]:
    wanted = (spec.get("source") or {}).get("inline")
    if wanted is None or wanted == running.get(names.SOURCE_FILE):
        return
    before = running.get(names.SOURCE_FILE, "").splitlines()
    lines = list(difflib.unified_diff(before, wanted.splitlines(), "running", "spec.source.inline", lineterm=""))
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"... and {len(lines) - _MOST_LINES} lines more"


def _line(name: str, before: Any, wanted: Any) -> Iterator[str]:
    if _same(before, wanted):
        return
    if isinstance(before, list) and isinstance(wanted, list):
        more = [f"+{one}" for one in wanted if one not in before]
        fewer = [f"-{one}" for one in before if one not in wanted]
        yield f"{name}: {' '.join([*more, *fewer]) or 'in another order'}"
    elif is_sensitive(name):
        yield f"{name}: {GONE} -> {GONE}, another one"
    else:
        yield f"{name}: {'not set' if before is _ABSENT else before} -> {wanted}"


def _same(before: Any, wanted: Any) -> bool:
    """The spec writes amounts as decimal strings, freqtrade's config has numbers."""
    if before == wanted and isinstance(before, bool) == isinstance(wanted, bool):
        return True
    if isinstance(before, bool) or isinstance(wanted, bool) or before is _ABSENT:
        return False
    try:
        return Decimal(str(before)) == Decimal(str(wanted))
    except InvalidOperation:
        return False


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def _leaves(value: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, one in value.items():
        if isinstance(one, Mapping) and one:
            yield from _leaves(one, (*path, key))
        elif not isinstance(one, Mapping):
            yield (*path, key), one
