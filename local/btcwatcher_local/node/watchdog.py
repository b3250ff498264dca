"""`python -m btcwatcher_local.node.watchdog PODS_DIR GRACE`: ends the containers of an agent that died.

Its standard input is a pipe from the agent. While the agent lives nothing comes; when it is gone, however it
went, the pipe ends, and what still runs is ended by the state files. After an orderly stop nothing is left to do.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from btcwatcher_local.node import leftovers


def start(pods_dir: Path, grace_cap: float, lock: int) -> subprocess.Popen[bytes]:
    """Start the watchdog of this process; close its standard input to let it end.

    It inherits the folder's `lock`, so that no new agent starts anything there before it has ended.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "btcwatcher_local.node.watchdog", str(pods_dir.absolute()), str(grace_cap)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=(lock,),
    )


def main() -> None:
    # A Ctrl-C or a supervisor's broad SIGTERM must not take the watchdog before its agent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pods_dir, grace_cap = Path(sys.argv[1]), float(sys.argv[2])
    while sys.stdin.buffer.read(4096):
        pass
    leftovers.end_all(pods_dir, grace_cap=grace_cap)


if __name__ == "__main__":
    main()
