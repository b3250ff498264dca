"""`python -m btcwatcher_local.catcher --port N --smtp-port M` catches mails and webhooks on loopback until stopped."""

import argparse

from aiohttp import web

from btcwatcher_local.catcher.app import create_app
from btcwatcher_local.catcher.caught import Messages
from btcwatcher_local.catcher.mail import mail_server


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="btcwatcher_local.catcher", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port of the page and of webhooks")
    parser.add_argument("--smtp-port", type=int, required=True, help="TCP port of the mail server")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    args = parser.parse_args()
    messages = Messages()
    mails = mail_server(messages, args.host, args.smtp_port)
    mails.start()
    try:
        web.run_app(create_app(messages), host=args.host, port=args.port, access_log=None, shutdown_timeout=1)
    finally:
        mails.stop()


if __name__ == "__main__":
    main()
