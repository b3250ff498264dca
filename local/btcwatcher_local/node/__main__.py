"""`python -m btcwatcher_local.node --kubeconfig F --root DIR --image-table F`."""

from __future__ import annotations

import argparse
from pathlib import Path

from btcwatcher_local.client.cli import run_until_signal
from btcwatcher_local.node.agent import run
from btcwatcher_local.node.images import ImageTable
from btcwatcher_local.node.settings import NodeSettings


def main() -> None:
    parser = argparse.ArgumentParser(prog="btcwatcher_local.node", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="folder of the pods' files and logs")
    parser.add_argument("--image-table", type=Path, required=True, help="JSON: image -> local command")
    parser.add_argument("--node-name", default="btcwatcher-local")
    parser.add_argument("--max-pods", type=int, default=110)
    parser.add_argument("--backoff-base", type=float, default=5.0, help="seconds (a kubelet has 10)")
    parser.add_argument("--backoff-cap", type=float, default=300.0, help="seconds")
    parser.add_argument("--port", type=int, default=0, help="where logs and figures are served; 0: a free one")
    parser.add_argument("--shutdown-grace", type=float, default=30.0, help="seconds at most for a pod")
    given = parser.parse_args()
    settings = NodeSettings(
        root=given.root.absolute(),
        node_name=given.node_name,
        max_pods=given.max_pods,
        backoff_base=given.backoff_base,
        backoff_cap=given.backoff_cap,
        shutdown_grace=given.shutdown_grace,
        port=given.port,
    )
    run_until_signal(run(given.kubeconfig, ImageTable(given.image_table), settings))


if __name__ == "__main__":
    main()
