"""Makes a PrometheusRule of the plain rule file: `python -m btcwatcher_rules.render RULES MANIFEST`."""

import sys
from pathlib import Path
from textwrap import indent

_HEAD = """\
# Rendered from rules/btcwatcher.yaml by `make rules`: change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: btcwatcher
  labels:
    app.kubernetes.io/name: btcwatcher
spec:
"""


def rendered(rules: str) -> str:
    """The rules' text as it is, two columns to the right: comments and all."""
    return _HEAD + indent(rules, "  ")


def main() -> None:
    rules, manifest = map(Path, sys.argv[1:])
    manifest.write_text(rendered(rules.read_text()))


if __name__ == "__main__":
    main()
