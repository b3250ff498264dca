"""What the codes of WeCom and Feishu mean; where each is from stands beside it in the senders."""

import pytest

from btcwatcher_api.notifications.senders import feishu, wecom
from btcwatcher_api.notifications.senders.http import Answer
from btcwatcher_crds.conditions import ChannelReason as Reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0, Reason.SENT),
        (-1, Reason.VENDOR_ERROR),
        (93000, Reason.AUTH),
        (60020, Reason.AUTH),
        (40014, Reason.AUTH),
        (45009, Reason.RATE_LIMITED),
        (45033, Reason.RATE_LIMITED),
        (45002, Reason.REJECTED),
        (40058, Reason.REJECTED),
        (99999, Reason.UNEXPECTED_ANSWER),
        ("0", Reason.UNEXPECTED_ANSWER),
        (False, Reason.UNEXPECTED_ANSWER),
    ],
)
def test_wecom(code: object, reason: Reason) -> None:
    assert wecom.judge(Answer(200, {}, "", {"errcode": code})).reason is reason


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [
        (0, "success", Reason.SENT),
        (19001, "", Reason.AUTH),
        (19021, "", Reason.AUTH),
        (19022, "", Reason.AUTH),
        (11232, "", Reason.RATE_LIMITED),
        (99991400, "", Reason.RATE_LIMITED),
        (9499, "too many request", Reason.RATE_LIMITED),
        (9499, "Bad Request", Reason.REJECTED),
        (19002, "", Reason.REJECTED),
        (19024, "", Reason.REJECTED),
        (19036, "", Reason.REJECTED),
        (230099, "", Reason.REJECTED),
        (12345, "", Reason.UNEXPECTED_ANSWER),
        (False, "", Reason.UNEXPECTED_ANSWER),
    ],
)
def test_feishu(code: object, words: str, reason: Reason) -> None:
    assert feishu.judge(Answer(200, {}, "", {"code": code, "msg": words})).reason is reason
