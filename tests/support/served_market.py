"""The cache as a process, with one Exchange put in by hand: `python -m support.served_market UPSTREAM PORT`."""

import sys
from pathlib import Path

import uvicorn

from btcwatcher_api import logs
from btcwatcher_api.garbage import collect_rarely
from btcwatcher_api.market.exchanges import Exchange, ExchangeRegistry
from btcwatcher_api.market.service import MarketService, create_market_app
from btcwatcher_api.market.settings import MarketSettings
from btcwatcher_api.settings import load


def main(upstream: str, port: str) -> None:
    logs.configure()
    exchange = Exchange("binance", {"public": f"{upstream}/api/v3"}, weight_per_minute=1_000_000)
    service = MarketService(load(MarketSettings), ExchangeRegistry(Path("proxies"), [exchange]))
    config = uvicorn.Config(
        create_market_app(service),
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
