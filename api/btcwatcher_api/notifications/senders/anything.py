"""Apprise: any other vendor, by one apprise URL. https://github.com/caronc/apprise"""

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import apprise

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.senders import credentials, networks, text
from btcwatcher_api.notifications.senders.text import Line
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec

THREADS: Final = 512
"""Messages that are under way at once: as many as a worker can have (see its settings), since who waits for a thread
would be told that the vendor does not answer. apprise blocks a thread for each; they are made when they are needed, and
are not the loop's own, which look up names for everybody."""

_TYPES: Final = {
    Priority.P0: apprise.NotifyType.FAILURE,
    Priority.P1: apprise.NotifyType.WARNING,
    Priority.P2: apprise.NotifyType.INFO,
}

_STATUS: Final = re.compile(r"\berror[=: ]+(\d{3})\b", re.IGNORECASE)
"""How apprise's plugins tell of an HTTP status."""

_NO_CONNECTION: Final = re.compile(r"connection error|socket exception|could not connect|unreachable", re.IGNORECASE)

# apprise tells of what it does in words of its own, now and then with the URL. What it says of an attempt is kept in
# its result, from where it goes through the scrubbing of answers; it is not for the process's log.
_logger = logging.getLogger("apprise")
_logger.propagate = False
_logger.addHandler(logging.NullHandler())

# Below it is urllib3, which tells of every request's path.
logging.getLogger("urllib3").setLevel(logging.WARNING)

_lock = threading.Lock()
_threads: ThreadPoolExecutor | None = None
_loaded = False


async def prepare() -> None:
    """Load apprise's plugins, all of them, which else the first message would wait for: a second of one core."""
    global _loaded
    if not _loaded:
        await asyncio.get_running_loop().run_in_executor(_pool(), apprise.Apprise.instantiate, "json://localhost")
        _loaded = True


async def send(
    spec: NotificationChannelSpec, secret: Mapping[str, str], message: Message, *, timeout: float
) -> Outcome:
    """A thread cannot be stopped, so its sockets' limits end it soon after nobody waits for it any more."""
    url = credentials.required(secret, "url")
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_pool(), _send, spec, url, message, timeout)


def close() -> None:
    global _threads
    with _lock:
        pool, _threads = _threads, None
    if pool is not None:
        pool.shutdown(wait=False, cancel_futures=True)


def _pool() -> ThreadPoolExecutor:
    global _threads
    with _lock:
        if _threads is None:
            _threads = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")
        return _threads


def _send(spec: NotificationChannelSpec, url: str, message: Message, timeout: float) -> Outcome:
    plugin = _plugin(url, timeout)
    one = apprise.Apprise(asset=plugin.asset)
    one.add(plugin)
    body, form = _body(plugin, spec, message)
    title = text.one_line(message.title, text.TITLE_MAX)
    kind = _TYPES[message.priority]
    try:
        with networks.watched():
            result = one.notify(body=body, title=title, body_format=form, notify_type=kind)
    except networks.Forbidden as error:
        raise credentials.invalid("url", str(error.strerror)) from None
    return _judged(result)


def _plugin(url: str, timeout: float) -> Any:
    """The URL's plugin, with one attempt and no waiting: when to send, and to try again, is for the worker."""
    asset = apprise.AppriseAsset(
        app_id="BTC Watcher",
        app_desc="BTC Watcher",
        secure_logging=True,
        async_mode=False,
        http_redirects=False,
        # With a limit of its own it would send in a pool of its own: on two cores six threads for all channels.
        service_timeout=0,
    )
    plugin = None
    with contextlib.suppress(Exception):  # plugins raise what they like at URLs they do not
        plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=False)
    if plugin is None:
        raise credentials.invalid("url", "is no URL that apprise can use")
    plugin.retry = 0
    plugin.request_rate_per_sec = 0
    plugin.redirects = False
    plugin.socket_connect_timeout = timeout / 2
    # Later than we give it up, which tells that nobody answers.
    plugin.socket_read_timeout = timeout + 1
    return plugin


def _body(plugin: Any, spec: NotificationChannelSpec, message: Message) -> tuple[str, apprise.NotifyFormat]:
    """In the form that the vendor wants, so that apprise converts nothing, and cut to what it takes."""
    found = text.lines(message.body)
    limit = max(int(plugin.body_maxlen) - text.TITLE_MAX, 0) or text.BODY_MAX
    whole = sum(_size(line) for line in found) <= limit
    form = plugin.resolve_format(None)
    if form == apprise.NotifyFormat.HTML and whole and len(rich := text.html(message.body)) <= limit:
        return rich, apprise.NotifyFormat.HTML
    if form == apprise.NotifyFormat.MARKDOWN and len(message.body) <= limit:
        return text.clean(message.body), apprise.NotifyFormat.MARKDOWN
    return "\n".join(map(text.plain, text.fit(found, _size, limit, spec.language))) or "-", apprise.NotifyFormat.TEXT


def _size(line: Line) -> int:
    return len(text.plain(line)) + 1


def _judged(result: Any) -> Outcome:
    """apprise says yes or no for each target and why in a line of text; the HTTP status is read out of that."""
    said = " ".join(_said(result))
    status = result.status
    if status == apprise.AppriseResultStatus.SUCCESS:
        return Outcome(ChannelReason.SENT)
    if status == apprise.AppriseResultStatus.TIMEOUT:
        return Outcome(ChannelReason.TIMEOUT, said)
    if found := _STATUS.search(said):
        return Outcome(_of_status(int(found[1])), said)
    if _NO_CONNECTION.search(said):
        return Outcome(ChannelReason.UNREACHABLE, said)
    return Outcome(ChannelReason.UNEXPECTED_ANSWER, said or "apprise could not send it, and does not say why")


def _of_status(status: int) -> ChannelReason:
    match status:
        case 401 | 403 | 407:
            return ChannelReason.AUTH
        case 429:
            return ChannelReason.RATE_LIMITED
        case 400 | 413 | 415 | 422:
            return ChannelReason.REJECTED
        case _ if status >= 500:
            return ChannelReason.VENDOR_ERROR
    return ChannelReason.UNEXPECTED_ANSWER


def _said(result: Any) -> Iterator[str]:
    for service in result:
        for attempt in service:
            yield from (entry.message for entry in attempt)
    yield from (entry.message for entry in result.call_logs())
