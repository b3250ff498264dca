"""`python -m btcwatcher_local.controllers --kubeconfig F --volumes DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from btcwatcher_local.client.cli import run_until_signal
from btcwatcher_local.controllers.run import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="btcwatcher_local.controllers", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--volumes", type=Path, required=True, help="folder of the PersistentVolumes")
    given = parser.parse_args()
    run_until_signal(run(given.kubeconfig, given.volumes))


if __name__ == "__main__":
    main()
