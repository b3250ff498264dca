"""`python -m btcwatcher_local.ingress --kubeconfig F --port N`."""

from __future__ import annotations

import argparse
from pathlib import Path

from btcwatcher_local.client.cli import run_until_signal
from btcwatcher_local.ingress.run import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="btcwatcher_local.ingress", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--class", dest="classes", action="append", default=[], help="ingress class to serve")
    given = parser.parse_args()
    run_until_signal(run(given.kubeconfig, given.port, host=given.host, classes=given.classes))


if __name__ == "__main__":
    main()
