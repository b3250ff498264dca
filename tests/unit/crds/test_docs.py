"""The manifests in docs/ are what a user copies: they satisfy the contract."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from btcwatcher_crds.exchange import Exchange
from btcwatcher_crds.notification_channel import NotificationChannel
from btcwatcher_crds.proxy import Proxy
from btcwatcher_crds.strategy import Strategy

DOCS = Path(__file__).parents[3] / "docs"
KINDS = {"Strategy": Strategy, "Proxy": Proxy, "NotificationChannel": NotificationChannel, "Exchange": Exchange}
FENCED = re.compile(r"^```yaml\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
PIPED = re.compile(r"<<'YAML'\n(.*?)^YAML$", flags=re.MULTILINE | re.DOTALL)


def _manifests(text: str) -> Iterator[dict[str, Any]]:
    for block in [*FENCED.findall(text), *PIPED.findall(text)]:
        yield from (manifest for manifest in yaml.safe_load_all(block) if (manifest or {}).get("kind") in KINDS)


def test_every_manifest_in_the_docs_satisfies_the_contract() -> None:
    seen = set()
    for page in sorted(DOCS.rglob("*.md")):
        for manifest in _manifests(page.read_text()):
            # A namespace may come from kubectl's -n.
            metadata = {"namespace": "default", **manifest["metadata"]}
            KINDS[manifest["kind"]].model_validate({**manifest, "metadata": metadata})
            seen.add((str(page.relative_to(DOCS)), manifest["kind"]))
    assert {
        ("proxies.md", "Proxy"),
        ("proxies.md", "Strategy"),
        ("first-strategy.md", "Strategy"),
        ("zh-CN/first-strategy.md", "Strategy"),
    } <= seen
