"""The one way to hand a message to a channel's vendor: whatever happens, there is an Outcome."""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from typing import Final, Protocol

from btcwatcher_api import logs
from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.senders import answers, anything, feishu, http, mail, telegram, wecom
from btcwatcher_api.notifications.senders.faults import NotSent
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import ChannelType, NotificationChannelSpec

_log = logs.get(__name__)


class Sender(Protocol):
    """Returns an Outcome, or raises NotSent; what it says is scrubbed here."""

    def __call__(
        self, spec: NotificationChannelSpec, secret: Mapping[str, str], message: Message, *, timeout: float
    ) -> Awaitable[Outcome]: ...


_SENDERS: Final[Mapping[ChannelType, Sender]] = {
    ChannelType.TELEGRAM: telegram.send,
    ChannelType.WECOM: wecom.send,
    ChannelType.FEISHU: feishu.send,
    ChannelType.EMAIL: mail.send,
    ChannelType.APPRISE: anything.send,
}


async def send(
    spec: NotificationChannelSpec, credentials: Mapping[str, str], message: Message, *, timeout: float
) -> Outcome:
    """Send one message within `timeout` seconds. Raises nothing but the cancellation of the caller."""
    try:
        async with asyncio.timeout(timeout):
            outcome = await _SENDERS[spec.type](spec, credentials, message, timeout=timeout)
    except TimeoutError:
        outcome = Outcome(ChannelReason.TIMEOUT, f"no answer within {timeout:g} s")
    except NotSent as fault:
        outcome = Outcome(fault.reason, fault.detail, fault.retry_after)
    except Exception as error:
        # A fault of ours. Neither its words nor its traceback are told: they may hold what was to be sent, and to whom.
        _log.error("a sender failed", type=spec.type.value, error=type(error).__name__, at=_place(error))
        outcome = Outcome(ChannelReason.UNEXPECTED_ANSWER, f"{type(error).__name__} in the sender itself")
    return Outcome(outcome.reason, answers.kept(outcome.answer, credentials), outcome.retry_after)


async def prepare(types: Collection[ChannelType]) -> None:
    """Load what the first message to channels of these types would have to wait for."""
    if ChannelType.APPRISE in types:
        await anything.prepare()


async def close() -> None:
    """Close what senders share, at the end of the process."""
    await http.close()
    anything.close()


def _place(error: BaseException) -> str:
    """The last line of ours that an exception went through."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "btcwatcher_api" in code.co_filename:
            place = f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
