"""`status`: how Strategies are doing."""

import argparse
import dataclasses
import json
from datetime import UTC, datetime

from btcwatcher_plugin import gather, kubectl, story_text, targets
from btcwatcher_plugin.kubectl import Kubectl
from btcwatcher_plugin.output import say, table, warn
from btcwatcher_plugin.story import Story, story


def run(parsed: argparse.Namespace) -> int:
    client = kubectl.find(parsed.kubectl_flags)
    scope = targets.scope(parsed)
    named = bool(parsed.names)
    found = _each(client, parsed.names) if named else [story(one) for one in gather.many(client, scope)]
    if parsed.output != "text":
        say(_document(found, parsed.output))
    elif named:
        now = datetime.now(UTC)
        say("\n\n".join(story_text.text(one, now) for one in found))
    elif found:
        say(_table(found, namespaces=parsed.all_namespaces))
    else:
        warn("there are no Strategies here; of all namespaces: kubectl btcwatcher status -A")
    return 0


def _each(client: Kubectl, names: list[str]) -> list[Story]:
    return [story(gather.one(client, name)) for name in dict.fromkeys(names)]


def _table(found: list[Story], *, namespaces: bool) -> str:
    now = datetime.now(UTC)
    heads = story_text.line_heads(namespaces=namespaces)
    return table(heads, [story_text.line(one, now, namespaces=namespaces) for one in found])


def _document(found: list[Story], form: str) -> str:
    items = {"items": [dataclasses.asdict(one) for one in found]}
    # Tuples are no YAML: through JSON they become lists.
    plain = json.dumps(items, indent=2, ensure_ascii=False)
    if form == "json":
        return plain
    import yaml  # only who asks for it pays for it

    return str(yaml.safe_dump(json.loads(plain), sort_keys=False, allow_unicode=True)).rstrip()
