"""How many messages each vendor takes, for channels that do not say it themselves."""

from collections.abc import Mapping
from typing import Final

from btcwatcher_crds.notification_channel import ChannelType, RateLimit

DEFAULT_RATE: Final[Mapping[ChannelType, RateLimit]] = {
    # "Your bot will not be able to send more than 20 messages per minute to the same group" (and one a second to a
    # chat). Telegram, Bots FAQ: https://core.telegram.org/bots/faq
    ChannelType.TELEGRAM: RateLimit(messages=20, per="1m"),
    # 每个机器人发送的消息不能超过20条/分钟. 企业微信, 群机器人配置说明: https://developer.work.weixin.qq.com/document/path/91770
    ChannelType.WECOM: RateLimit(messages=20, per="1m"),
    # 单租户单机器人 100 次/分钟，5 次/秒. 飞书, 自定义机器人使用指南:
    # https://open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN
    ChannelType.FEISHU: RateLimit(messages=100, per="1m"),
    # No standard says it; public mail services stop an account at a few hundred to a few thousand mails a day.
    ChannelType.EMAIL: RateLimit(messages=30, per="1m"),
    # Whatever it is: one a second is what apprise itself keeps to with most vendors.
    ChannelType.APPRISE: RateLimit(messages=60, per="1m"),
}
"""`per` of a minute is counted by the worker; a burst within it is for the vendor to refuse and for us to try again."""
