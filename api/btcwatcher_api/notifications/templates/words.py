"""The names of things in the languages of the default templates."""

from typing import Final

from btcwatcher_api.signals.types import EXIT_TYPES
from btcwatcher_crds.notification_channel import Language

_HEADLINES: Final = {
    Language.ENGLISH: {
        "entry": "Entry order",
        "entry_fill": "Entered",
        "entry_cancel": "Entry cancelled",
        "exit": "Exit order",
        "exit_fill": "Exited",
        "exit_cancel": "Exit cancelled",
        "status": "Status",
        "startup": "Started",
        "warning": "Warning",
        "exception": "Error",
        "protection_trigger": "Protection on",
        "protection_trigger_global": "Protection on for all pairs",
        "liquidation_warning": "Near liquidation",
        "strategy_msg": "Message",
        "stop_loss": "Stop loss",
        "liquidation": "Liquidated",
        "emergency": "Emergency exit",
        "firing": "Alert",
        "resolved": "Resolved",
        "Manual": "Note",
        "Test": "Test",
    },
    Language.CHINESE: {
        "entry": "开仓委托",
        "entry_fill": "已开仓",
        "entry_cancel": "开仓撤单",
        "exit": "平仓委托",
        "exit_fill": "已平仓",
        "exit_cancel": "平仓撤单",
        "status": "状态",
        "startup": "已启动",
        "warning": "警告",
        "exception": "异常",
        "protection_trigger": "已触发保护",
        "protection_trigger_global": "已触发全局保护",
        "liquidation_warning": "临近强平",
        "strategy_msg": "策略消息",
        "stop_loss": "止损",
        "liquidation": "强平",
        "emergency": "紧急平仓",
        "firing": "告警",
        "resolved": "已恢复",
        "Manual": "通知",
        "Test": "测试",
    },
}

_LEVELS: Final = {
    Language.ENGLISH: {"Strong": "Strong", "Medium": "Medium", "Weak": "Weak", "Ignore": "Ignore"},
    Language.CHINESE: {"Strong": "强", "Medium": "中", "Weak": "弱", "Ignore": "忽略"},
}

_DIRECTIONS: Final = {
    Language.ENGLISH: {"long": "long", "short": "short"},
    Language.CHINESE: {"long": "做多", "short": "做空"},
}

_EXIT_REASONS: Final = (
    ("liquidation", "liquidation"),
    ("emergency", "emergency"),
    ("stop_loss", "stop_loss"),
    ("stoploss", "stop_loss"),
)
"""Parts of an exit's reason that say more than that something was sold."""


def headline(language: Language, key: str, exit_reason: str | None = None) -> str:
    """What happened, in a word or two: of a signal's type, of firing, resolved, Manual and Test."""
    if key in EXIT_TYPES and key != "exit_cancel" and exit_reason:
        key = next((name for part, name in _EXIT_REASONS if part in exit_reason.lower()), key)
    return _HEADLINES[language].get(key, key)


def level_name(language: Language, level: str | None) -> str | None:
    return None if level is None else _LEVELS[language].get(level, level)


def direction_name(language: Language, direction: str | None) -> str | None:
    return None if direction is None else _DIRECTIONS[language].get(direction.lower(), direction)
