"""The API as a process, with one Strategy put in by hand: `python -m support.served DATABASE FOLDER PORT`."""

import sys
from pathlib import Path

import uvicorn

from btcwatcher_api import logs
from btcwatcher_api.app import create_app
from btcwatcher_api.garbage import collect_rarely
from btcwatcher_api.settings import Settings, load
from btcwatcher_api.strategies.registry import Registry
from support import api


def main(database_url: str, folder: str, port: str) -> None:
    logs.configure()
    registry = Registry(api.KEY)
    registry.replace([api.strategy()])
    settings = load(
        Settings,
        database_url=database_url,
        accounts=False,
        **api.FOREVER,
        **api.key_files(Path(folder)),
    )
    config = uvicorn.Config(
        create_app(settings, registry),
        port=int(port),
        http="httptools",
        loop="uvloop",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )
    collect_rarely()
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
