"""The command line: every command, its options and its help."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from btcwatcher_plugin.words import PAUSED, RUNNING, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

PROG: Final = "kubectl btcwatcher"

_KUBECTLS_OWN: Final = (
    ("--namespace", "NAME", "the namespace (default: the context's)"),
    ("--kubeconfig", "FILE", "the kubeconfig (default: $KUBECONFIG, then ~/.kube/config)"),
    ("--context", "NAME", "the context of the kubeconfig"),
    ("--cluster", "NAME", "the cluster of the kubeconfig"),
    ("--user", "NAME", "the user of the kubeconfig"),
    ("--as", "NAME", "the user to impersonate"),
    ("--as-group", "NAME", "the group to impersonate"),
    ("--request-timeout", "TIME", "how long a single request to the cluster may take, such as 10s"),
)

_EPILOG: Final = f"""\
examples:
  {PROG} status -A                 all Strategies, a line each
  {PROG} status ema-cross          one of them, and all that is known of it
  {PROG} pause -l desk=crypto      no new trades for a selection of bots
  {PROG} switch close -A --all     sell out: every open trade of every bot
  {PROG} approve ema-cross         see which config waits, and let the bot have it
  {PROG} signals -f                follow the signals as they arrive

`{PROG} COMMAND --help` tells the options of a command.
Everything about the cluster goes through kubectl: contexts, exec credentials and OIDC work as they do there.
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments: `handler` (the module that runs the command), `kubectl_flags`, and what the command takes."""
    parsed = _parser().parse_args(arguments)
    given = ((option, getattr(parsed, _destination(option))) for option, _, _ in _KUBECTLS_OWN)
    parsed.kubectl_flags = [f"{option}={value}" for option, value in given if value is not None]
    return parsed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG,
        usage=f"{PROG} COMMAND [options]",
        description="Look at, change and follow the trading Strategies of BTC Watcher.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_status, _top, _logs, _states, _switch, _restart, _approve, _signals, _webhook, _report):
        add(commands)
    for one in commands.choices.values():
        _options_of_kubectl(one)
    return parser


def _command(commands: Commands, name: str, usage: str, summary: str, more: str, handler: str = "") -> _Parser:
    parser = commands.add_parser(
        name,
        usage=f"{PROG} {name} {usage}",
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. {more}",
        allow_abbrev=False,
    )
    # Only the module of the command that was called is imported.
    parser.set_defaults(handler=handler or name)
    return parser


def _options_of_kubectl(parser: _Parser) -> None:
    group = parser.add_argument_group("options of kubectl")
    for option, metavar, text in _KUBECTLS_OWN:
        short = ["-n"] if option == "--namespace" else []
        group.add_argument(*short, option, metavar=metavar, dest=_destination(option), help=text)


def _destination(option: str) -> str:
    return "kubectl_" + option.strip("-").replace("-", "_")


def _names(parser: _Parser) -> None:
    """Which Strategies a command is about."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="the Strategies")
    parser.add_argument("-l", "--selector", metavar="LABELS", help="those with these labels, such as desk=crypto")


def _name(parser: _Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="the Strategy")


def _everywhere(parser: _Parser) -> None:
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="of all namespaces")


def _changing(parser: _Parser) -> None:
    text = "server: the API server checks the change and does not keep it (default: none)"
    parser.add_argument("--dry-run", choices=("none", "server"), default="none", help=text)
    parser.add_argument("-y", "--yes", action="store_true", help="agree beforehand to what would be asked")


def _status(commands: Commands) -> None:
    parser = _command(
        commands,
        "status",
        "[NAME ...] [options]",
        "show how Strategies are doing",
        "Without names a line for each; with names all that is known of them: conditions, what a changed config waits"
        " for, pods, volume, proxies, Events.",
    )
    _names(parser)
    _everywhere(parser)
    parser.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text", help="(default: text)")


def _top(commands: Commands) -> None:
    parser = _command(
        commands,
        "top",
        "[NAME ...] [options]",
        "show what bots ask for and use",
        "Use comes from the cluster's metrics server. With the API's address (or --trading) trades and profits too, as"
        " the API knows them.",
    )
    _names(parser)
    _everywhere(parser)
    parser.add_argument("--sort-by", choices=("cpu", "memory"), help="those that use most first (default: by name)")
    parser.add_argument("--trading", action="store_true", help="ask the API for trades and profits")
    _options_of_the_api(parser)


def _signals(commands: Commands) -> None:
    parser = _command(
        commands,
        "signals",
        "[NAME] [options]",
        "show the newest signals, and follow them",
        "Of the namespace, of one Strategy or, with -A, of all.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="only of this Strategy")
    _everywhere(parser)
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on with those that arrive, none twice or left out"
    )
    parser.add_argument("--limit", metavar="COUNT", type=int, default=20, help="how many of the newest (default: 20)")
    parser.add_argument("--since", metavar="TIME", help="only what is newer, such as 2h or 1d")
    parser.add_argument("--pair", help="only of this pair, such as BTC/USDT")
    parser.add_argument("--action", choices=("entry", "exit", "message"), help="only of this kind")
    parser.add_argument(
        "--type", action="append", metavar="TYPE", help="only of this type, such as exit_fill; repeatable"
    )
    text = "only of this level; repeatable"
    parser.add_argument("--level", action="append", choices=("Strong", "Medium", "Weak", "Ignore"), help=text)
    text = "text: a line for each signal (default); json: an object a line, with every field"
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help=text)
    _options_of_the_api(parser)


def _webhook(commands: Commands) -> None:
    parser = _command(
        commands,
        "webhook",
        "NAME [options]",
        "show where signals of a Strategy are sent, and with which token",
        "The API gives the token to traders and admins, and notes that it did.",
    )
    parser.add_argument("name", metavar="NAME", help="the Strategy, or its id <namespace>.<name>")
    text = "text: all, with messages to paste (default); json; or only one of url, token, signing_secret"
    forms = ("text", "json", "url", "token", "signing_secret")
    parser.add_argument("-o", "--output", choices=forms, default="text", help=text)
    _options_of_the_api(parser)


def _report(commands: Commands) -> None:
    parser = _command(
        commands,
        "report",
        "[options]",
        "write a bundle for whoever helps, without secrets",
        "Strategies and what belongs to them, BTC Watcher's own objects, Events, logs and versions, as a .tar.gz. It"
        " leaves out the values of Secrets and of environment variables, tokens, passwords in URLs and the source of"
        " strategies. What you may not read is noted in it.",
    )
    _everywhere(parser)
    parser.add_argument("-f", "--file", metavar="FILE", help="where to (default: btcwatcher-report-TIME.tar.gz)")
    text = "logs of which bots: of those in trouble (default), of all, or of none"
    parser.add_argument("--logs", choices=("troubled", "all", "none"), default="troubled", help=text)
    parser.add_argument("--tail", metavar="LINES", type=int, default=2000, help="of each log (default: 2000)")
    text = "where BTC Watcher itself runs (default: btcwatcher)"
    parser.add_argument("--platform-namespace", metavar="NAME", default="btcwatcher", help=text)


def _options_of_the_api(parser: _Parser) -> None:
    group = parser.add_argument_group("options of the BTC Watcher API")
    text = "where it is (default: $BTCWATCHER_API_URL, else a port-forward to its Service)"
    group.add_argument("--api-url", metavar="URL", help=text)
    text = "file with an API key or token (default: $BTCWATCHER_TOKEN_FILE; or the token itself in $BTCWATCHER_TOKEN)"
    group.add_argument("--token-file", metavar="FILE", help=text)
    text = "namespace of its Service (default: btcwatcher)"
    group.add_argument("--api-namespace", metavar="NAME", default="btcwatcher", help=text)
    text = "name of its Service (default: the one with the chart's labels)"
    group.add_argument("--api-service", metavar="NAME", help=text)


def _logs(commands: Commands) -> None:
    parser = _command(
        commands,
        "logs",
        "NAME [options]",
        "print the log of a Strategy's bot",
        "This is `kubectl logs` with the right pod and container.",
    )
    _name(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument("-p", "--previous", action="store_true", help="of the container before this one")
    text = "freqtrade: the bot (default); preflight: what was checked before it started"
    parser.add_argument("-c", "--container", choices=("freqtrade", "preflight"), default="freqtrade", help=text)
    text = "of the Job that tries a changed config beside the running bot"
    parser.add_argument("--trial", action="store_true", help=text)
    parser.add_argument("--tail", metavar="LINES", type=int, help="only so many of the last lines")
    parser.add_argument("--since", metavar="TIME", help="only what is newer, such as 10m")
    parser.add_argument("--timestamps", action="store_true", help="with the time of each line")


def _states(commands: Commands) -> None:
    usage = "NAME ... | -l LABELS | --all [options]"
    for name, state, summary, more in (
        (
            "suspend",
            SUSPENDED,
            "end the bots of Strategies",
            "The pod ends; port, volume and history stay. Nobody looks after open trades meanwhile: it asks first where"
            " real money is traded.",
        ),
        (
            "pause",
            PAUSED,
            "let bots open no new trades",
            "They go on looking after open ones. It takes effect without a restart.",
        ),
        (
            "resume",
            RUNNING,
            "let paused or suspended bots trade again",
            "A suspended one starts with its newest config, also where a changed one waited.",
        ),
    ):
        parser = _command(commands, name, usage, summary, f"{more} It sets spec.state to {state}.", "state")
        parser.set_defaults(state=state)
        _names(parser)
        parser.add_argument("--all", action="store_true", help="all of the namespace, or with -A of all namespaces")
        _everywhere(parser)
        _changing(parser)


def _switch(commands: Commands) -> None:
    parser = _command(
        commands,
        "switch",
        "pause|stop|close|resume [NAME ...] [options] | lift SWITCH",
        "tell many bots one thing at once, and see what came of it",
        "It makes a FleetSwitch, or with -A a ClusterFleetSwitch of all namespaces, which holds what it selects, new"
        " Strategies too, until it is lifted; spec.state stays as it is. close sells every open trade.",
    )
    parser.add_argument("action", choices=("pause", "stop", "close", "resume", "lift"), help="what to do")
    parser.add_argument("names", metavar="NAME", nargs="*", help="the Strategies; of lift: the switch")
    parser.add_argument("-l", "--selector", metavar="LABELS", help="those with these labels, such as desk=crypto")
    text = "only those of this mode; repeatable"
    parser.add_argument("--mode", action="append", choices=("DryRun", "Live"), default=[], help=text)
    text = "only those on this exchange; repeatable"
    parser.add_argument("--exchange", action="append", metavar="NAME", default=[], help=text)
    parser.add_argument("--all", action="store_true", help="all of the namespace, or with -A of all namespaces")
    _everywhere(parser)
    text = "of close: how to sell (default: as the strategy says)"
    parser.add_argument("--order-type", choices=("Market", "Limit"), help=text)
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, for those who are told")
    parser.add_argument("--name", metavar="SWITCH", help="of the switch (default: the action and the time)")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, bot by bot, and do nothing")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until it is done at every bot")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=600.0, help="of waiting (default: 600)")
    parser.add_argument("-y", "--yes", action="store_true", help="agree beforehand to what would be asked")


def _restart(commands: Commands) -> None:
    parser = _command(
        commands,
        "restart",
        "NAME ... | -l LABELS [options]",
        "restart the bots of Strategies once",
        "It sets the annotation btcwatcher.io/restartedAt. Where a changed config waits for its user a restart would"
        " apply it: such a Strategy is left alone, see `approve`.",
    )
    _names(parser)
    _changing(parser)


def _approve(commands: Commands) -> None:
    parser = _command(
        commands,
        "approve",
        "NAME [options]",
        "let a bot have the changed config that waits for you",
        "For Strategies with updateStrategy Manual, the default for mode Live. It shows what has changed and asks;"
        " then the new config is tried by a Job, and takes the running one's place if it passes.",
    )
    _name(parser)
    _changing(parser)


_Parser = argparse.ArgumentParser
