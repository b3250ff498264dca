"""Entry point `btcwatcher-local up | demo`: the whole system on one machine."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

from btcwatcher_local.demo import DemoFailedError, demo
from btcwatcher_local.postgres import PostgresError
from btcwatcher_local.run import up
from btcwatcher_local.stack.layout import REPOSITORY
from btcwatcher_local.stack.leftovers import AlreadyRunningError
from btcwatcher_local.stack.ports import NoFreePortError
from btcwatcher_local.stack.process import ProcessEndedError
from btcwatcher_local.stack.stack import Wishes, missing_tools

EXPECTED = (AlreadyRunningError, DemoFailedError, NoFreePortError, PostgresError, ProcessEndedError)


def main() -> None:
    arguments = _parser().parse_args()
    if missing := missing_tools():
        sys.exit(f"btcwatcher-local: {missing}")
    wishes = Wishes(
        arguments.folder,
        api_port=arguments.api_port,
        ingress_port=arguments.ingress_port,
        collector_port=arguments.collector_port,
        worker_port=arguments.worker_port,
        operator_port=arguments.operator_port,
        market_port=arguments.market_port,
        catcher_port=arguments.catcher_port,
        smtp_port=arguments.smtp_port,
        pool=arguments.pool,
        kubeconfig=arguments.kubeconfig,
        values=arguments.values,
    )
    if arguments.command == "demo":
        sys.exit(asyncio.run(_until_signal(demo(wishes), interrupted=1)))
    wishes = replace(
        wishes,
        monitoring=not arguments.no_monitoring,
        prometheus_port=arguments.prometheus_port,
        alertmanager_port=arguments.alertmanager_port,
        scrape_seconds=arguments.scrape_seconds,
        frequi=arguments.frequi,
    )
    sys.exit(asyncio.run(_until_signal(up(wishes, examples=not arguments.no_examples), interrupted=0)))


async def _until_signal(job: Coroutine[None, None, None], interrupted: int) -> int:
    """Runs the job to its end or to SIGINT or SIGTERM; the exit status. It always stops in good order."""
    task = asyncio.create_task(job)
    loop = asyncio.get_running_loop()
    cancel = _cancel_once(task)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A second signal must not cut the stopping short: that would leave processes behind.
        loop.add_signal_handler(number, cancel)
    try:
        await task
    except asyncio.CancelledError:
        return interrupted
    except EXPECTED as error:
        print(f"btcwatcher-local: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except ExceptionGroup as group:
        expected, rest = group.split(EXPECTED)
        if rest is not None:
            raise
        for one in expected.exceptions if expected else ():
            print(f"btcwatcher-local: {one}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _cancel_once(task: asyncio.Task[None]) -> Callable[[], None]:
    asked = False

    def cancel() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    return cancel


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="btcwatcher-local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, folder, what in (
        ("up", ".local", "start everything and print signals until Ctrl-C"),
        ("demo", ".local/demo", "start everything, see fills of real bots arrive, compare, stop"),
    ):
        command = commands.add_parser(name, help=what, description=what)
        command.add_argument("--folder", type=Path, default=REPOSITORY / folder, help="where everything lies")
        for option, port, of in (
            ("--api-port", 8000, "the API"),
            ("--ingress-port", 8080, "the ingress"),
            ("--collector-port", 8001, "the collector's metrics"),
            ("--worker-port", 8002, "the notification worker's metrics"),
            ("--operator-port", 8003, "the operator's metrics"),
            ("--market-port", 8006, "the market-data cache"),
            ("--catcher-port", 8025, "the page with the messages that were sent"),
            ("--smtp-port", 1025, "the mail server behind that page"),
        ):
            command.add_argument(option, type=_port, default=port, help=f"port of {of} (default {port})")
        command.add_argument("--pool", type=_range, default=(8081, 9080), help="the bots' ports (default 8081-9080)")
        command.add_argument("--kubeconfig", type=Path, help="an API server to use in place of the embedded one")
        command.add_argument("--values", type=Path, help="a file with values of the chart, over those of this command")
        if name == "up":
            command.add_argument("--no-examples", action="store_true", help="start without the example Strategies")
            command.add_argument(
                "--frequi",
                type=_frequi,
                default=os.environ.get("BTCWATCHER_FREQUI_DIR") or None,
                metavar="FOLDER",
                help="a built FreqUI, which gets every bot (default: BTCWATCHER_FREQUI_DIR)",
            )
            _add_monitoring(command)
    return parser


def _add_monitoring(command: argparse.ArgumentParser) -> None:
    """A demonstration is over before an alert could fire."""
    command.add_argument("--no-monitoring", action="store_true", help="start neither Prometheus nor Alertmanager")
    command.add_argument("--prometheus-port", type=_port, default=8004, help="port of Prometheus (default 8004)")
    command.add_argument("--alertmanager-port", type=_port, default=8005, help="port of Alertmanager (default 8005)")
    command.add_argument(
        "--scrape-seconds", type=_seconds, default=15, help="how often Prometheus scrapes and evaluates (default 15)"
    )


def _port(text: str) -> int:
    if not (text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _seconds(text: str) -> int:
    if not (text.isdigit() and 1 <= int(text) <= 3600):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 1 to 3600")
    return int(text)


def _frequi(text: str) -> Path:
    folder = Path(text).resolve()
    if not (folder / "index.html").is_file():
        raise argparse.ArgumentTypeError(f"{text!r} holds no FreqUI: there is no index.html")
    return folder


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no range such as 8081-9080")
    return int(first), int(last)


if __name__ == "__main__":
    main()
