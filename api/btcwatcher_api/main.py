"""`btcwatcher-api serve | worker | collect | market | screen | migrate | keys | check | key | openapi`."""

import argparse
import asyncio
import json
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import structlog

from btcwatcher_api import logs
from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.database import CONNECT_SECONDS, first_line, writing_connection
from btcwatcher_api.schema import SchemaError, check_revision, current_revision
from btcwatcher_api.settings import DatabaseSettings, Settings, SettingsError, load

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from btcwatcher_api.workers.supervisor import Worker

_log = logs.get("btcwatcher_api.main")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status; problems are one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="btcwatcher-api", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer the webhook and the REST API")
    commands.add_parser("worker", help="send notifications: any number of them share the work")
    commands.add_parser("collect", help="visit the bots: fill in signals that never arrived, export trading figures")
    commands.add_parser("market", help="give bots public market data: one call for one question")
    commands.add_parser("screen", help="show every bot in one FreqUI, to who signs in")
    commands.add_parser("migrate", help="bring the database's schema up to date")
    keys = commands.add_parser(
        "keys", help="make the platform's keys where they are missing; those that are there stay"
    )
    keys.add_argument("--namespace", required=True, help="where the Secrets are")
    keys.add_argument("--secret", default="", help="the Secret with the keys; none is looked at without it")
    keys.add_argument("--database-secret", default="", help="the Secret with the bundled Postgres' access")
    keys.add_argument("--database-host", default="", help="the Service of that Postgres")
    check = commands.add_parser("check", help="see whether an installation works; changes nothing")
    check.add_argument("--api", default="", metavar="URL", help="where the API is")
    check.add_argument("--lease", default="", metavar="NAMESPACE/NAME", help="the operator's Lease")
    key = commands.add_parser("key", help="see to it that a file holds a good API key, for a machine that is set up")
    key.add_argument("name", help="what the machine is called in the audit log, as key:NAME")
    key.add_argument("--role", choices=list(Role), type=Role, default=Role.VIEWER, help="what it may do")
    key.add_argument("--file", type=Path, required=True, help="readable by its owner only")
    document = commands.add_parser("openapi", help="print the API's description")
    document.add_argument("--output", type=Path, help="write it to this file instead")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "serve":
            return _serve()
        if chosen.command == "worker":
            return _work()
        if chosen.command == "collect":
            return _collect()
        if chosen.command == "market":
            return _market()
        if chosen.command == "screen":
            return _screen()
        if chosen.command == "migrate":
            return _migrate()
        if chosen.command == "keys":
            if bool(chosen.database_secret) != bool(chosen.database_host):
                parser.error("--database-secret and --database-host go together")
            return _keys(chosen.namespace, chosen.secret, chosen.database_secret, chosen.database_host)
        if chosen.command == "check":
            if not (chosen.api or chosen.lease):
                parser.error("give --api, --lease or both")
            return asyncio.run(_check(chosen.api, chosen.lease))
        if chosen.command == "key":
            return _key(chosen.name, chosen.role, chosen.file)
        return _openapi(chosen.output)
    except (SettingsError, SchemaError) as error:
        print(f"btcwatcher-api: {error}", file=sys.stderr)  # noqa: T201
        return 2


# Each command imports what it needs: a worker or a collector does not carry the whole API, and `migrate`, which every
# pod starts with, none of it.


def _serve() -> int:
    from btcwatcher_api.app import create_app
    from btcwatcher_api.signals.fastlane import WebhookProtocol

    settings = load(Settings)
    logs.configure(settings.log_level)
    app = create_app(settings)
    asyncio.run(_refuse_old_schema(settings.database_url.get_secret_value()))
    if settings.workers > 1:
        return _serve_with_workers(settings)
    return _run(app, settings.host, settings.port, WebhookProtocol, app.state.feed.end)


def _serve_with_workers(settings: Settings) -> int:
    from btcwatcher_api.app import create_app
    from btcwatcher_api.serving import GRACE_SECONDS
    from btcwatcher_api.signals.fastlane import WebhookProtocol
    from btcwatcher_api.workers.siblings import Siblings
    from btcwatcher_api.workers.supervisor import Workers

    def work(worker: "Worker") -> int:
        structlog.contextvars.bind_contextvars(worker=worker.number)
        app = create_app(settings, siblings=Siblings(worker.number, worker.siblings))
        return _run(app, settings.host, settings.port, WebhookProtocol, app.state.feed.end, worker.sockets)

    try:
        workers = Workers(settings.workers, settings.host, settings.port, 2 * GRACE_SECONDS, work)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        print(f"btcwatcher-api: cannot listen on {where}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    return workers.run()


def _collect() -> int:
    from btcwatcher_api.collector.service import CollectorService, create_collector_app
    from btcwatcher_api.collector.settings import CollectorSettings

    settings = load(CollectorSettings)
    logs.configure(settings.log_level)
    app = create_collector_app(CollectorService(settings))
    asyncio.run(_refuse_old_schema(settings.database_url.get_secret_value()))
    return _run(app, settings.host, settings.port)


def _work() -> int:
    from btcwatcher_api.notifications.worker.service import WorkerService, create_worker_app
    from btcwatcher_api.notifications.worker.settings import WorkerSettings

    settings = load(WorkerSettings)
    logs.configure(settings.log_level)
    app = create_worker_app(WorkerService(settings))
    asyncio.run(_refuse_old_schema(settings.database_url.get_secret_value()))
    return _run(app, settings.host, settings.port)


def _market() -> int:
    from btcwatcher_api.market.service import MarketService, create_market_app
    from btcwatcher_api.market.settings import MarketSettings

    settings = load(MarketSettings)
    logs.configure(settings.log_level)
    return _run(create_market_app(MarketService(settings)), settings.host, settings.port)


def _screen() -> int:
    from btcwatcher_api.screen import service
    from btcwatcher_api.screen.settings import ScreenSettings

    settings = load(ScreenSettings)
    logs.configure(settings.log_level)

    async def work() -> None:
        await _refuse_old_schema(settings.database_url.get_secret_value())
        await service.run(settings)

    try:
        asyncio.run(work())
    except OSError as error:
        print(f"btcwatcher-api: cannot listen on {settings.host}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _run(
    app: "ASGIApp",
    host: str,
    port: int,
    protocol: type[asyncio.Protocol] | None = None,
    stopping: Callable[[], None] = lambda: None,
    sockets: Sequence[socket.socket] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, which calls `stopping`; the exit status. `sockets`, if given, listen already."""
    from btcwatcher_api.serving import run

    return run(app, host, port, protocol, stopping, sockets)


async def _refuse_old_schema(database_url: str) -> None:
    """Raises SchemaError. A database that is away is no reason not to start: it is waited for, answering 503."""
    try:
        async with await writing_connection(database_url, statement_seconds=CONNECT_SECONDS) as connection:
            check_revision(await current_revision(connection))
    except psycopg.Error as error:
        _log.warning("the database does not answer yet", reason=str(error).split("\n", 1)[0])


def _migrate() -> int:
    from btcwatcher_api.migrate import migrate

    settings = load(DatabaseSettings)
    logs.configure()
    try:
        migrate(settings.database_url.get_secret_value(), settings.partition_months_ahead)
    except psycopg.Error as error:
        print(f"btcwatcher-api: the database cannot be migrated: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _keys(namespace: str, secret: str, database_secret: str, database_host: str) -> int:
    import aiohttp
    from kubernetes.aio.client.exceptions import ApiException
    from kubernetes.aio.config import ConfigException

    from btcwatcher_api.cluster.refusals import problem_of
    from btcwatcher_api.platform_keys import BadSecretError, keep_keys

    logs.configure()
    try:
        asyncio.run(keep_keys(namespace, secret, database_secret, database_host))
    except ApiException as error:
        reason = problem_of(error).detail
    except (BadSecretError, ValueError, ConfigException, aiohttp.ClientError, TimeoutError, OSError) as error:
        reason = str(error) or type(error).__name__
    else:
        return 0
    print(f"btcwatcher-api: no keys were made: {reason}", file=sys.stderr)  # noqa: T201
    return 1


async def _check(api: str, lease: str) -> int:
    from btcwatcher_api.check import check_api, check_lease

    findings = [finding async for finding in check_api(api)] if api else []
    if lease:
        findings.append(await check_lease(*lease.split("/", 1)))
    for right, sentence in findings:
        print("ok     " if right else "FAILED ", sentence)  # noqa: T201
    return 0 if all(right for right, _ in findings) else 1


def _key(name: str, role: Role, file: Path) -> int:
    from sqlalchemy.exc import SQLAlchemyError

    from btcwatcher_api.accounts.key_file import keep_key

    settings = load(DatabaseSettings)
    logs.configure()
    try:
        asyncio.run(keep_key(settings.database_url.get_secret_value(), name, role, file))
    except (ValueError, OSError, SQLAlchemyError) as error:
        print(f"btcwatcher-api: no key was made: {first_line(error)}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _openapi(output: Path | None) -> int:
    from btcwatcher_api.app import described_app

    text = json.dumps(described_app().openapi(), indent=2, sort_keys=True) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
