"""The manifests in docs/ are what a user copies: they satisfy the contract."""

import re
from pathlib import Path

import yaml

from btcwatcher_crds.notification_channel import NotificationChannel
from btcwatcher_crds.proxy import Proxy
from btcwatcher_crds.strategy import Strategy

DOCS = Path(__file__).parents[3] / "docs"
KINDS = {"Strategy": Strategy, "Proxy": Proxy, "NotificationChannel": NotificationChannel}


def test_every_manifest_in_the_docs_satisfies_the_contract() -> None:
    seen = set()
    for page in sorted(DOCS.glob("*.md")):
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL):
            for manifest in yaml.safe_load_all(block):
                if model := KINDS.get((manifest or {}).get("kind", "")):
                    model.model_validate(manifest)
                    seen.add((page.name, manifest["kind"]))
    assert {("proxies.md", "Proxy"), ("proxies.md", "Strategy")} <= seen
