"""`python -m btcwatcher_local.exchange --port N` runs the paper exchange on loopback until it is stopped."""

import argparse

from aiohttp import web

from btcwatcher_local.exchange.app import create_app


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="btcwatcher_local.exchange", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    args = parser.parse_args()
    web.run_app(create_app(), host=args.host, port=args.port, access_log=None, shutdown_timeout=1)


if __name__ == "__main__":
    main()
