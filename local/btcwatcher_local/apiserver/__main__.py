"""`python -m btcwatcher_local.apiserver --port N --token-file F --kubeconfig OUT`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import secrets
import signal
import sys
from pathlib import Path

from .server import serve


def _token(path: Path) -> str:
    """The token in a file, made there when there is none."""
    if path.exists():
        token = path.read_text().strip()
        if not token:
            raise SystemExit(f"{path} is empty: put a token in it, or remove it and one is made")
        return token
    token = "t" + secrets.token_urlsafe(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token + "\n")
    return token


async def _run(host: str, port: int, token: str, kubeconfig: Path | None, *, account_admission: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(host, port, token, account_admission=account_admission) as serving:
        if kubeconfig is not None:
            serving.write_kubeconfig(kubeconfig)
        sys.stdout.write(f"serving on {serving.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m btcwatcher_local.apiserver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--token-file", type=Path, required=True, help="bearer token; made when missing")
    parser.add_argument("--kubeconfig", type=Path, help="where to write a kubeconfig")
    parser.add_argument(
        "--service-account-admission",
        action="store_true",
        help="a pod needs a ServiceAccount and gets its token (the controllers must run)",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(
            _run(
                arguments.host,
                arguments.port,
                _token(arguments.token_file),
                arguments.kubeconfig,
                account_admission=arguments.service_account_admission,
            )
        )
    except OSError as error:
        raise SystemExit(f"cannot serve on {arguments.host}:{arguments.port}: {error}") from None


if __name__ == "__main__":
    main()
