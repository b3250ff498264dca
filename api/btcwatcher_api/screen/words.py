"""What the sign-in page says, in English and Chinese."""

from typing import Final

ENGLISH: Final = "en"
CHINESE: Final = "zh-CN"
WORDS: Final = {
    ENGLISH: {
        "title": "Sign in",
        "intro": "One FreqUI with every bot in it. Sign in with your BTC Watcher account.",
        "username": "User name",
        "password": "Password",
        "submit": "Sign in",
        "401": "User name or password is wrong.",
        "422": "Give a user name and a password.",
        "429": "Too many attempts: wait a few minutes.",
    },
    CHINESE: {
        "title": "登录",
        "intro": "一个 FreqUI，包含所有机器人。请使用 BTC Watcher 账户登录。",
        "username": "用户名",
        "password": "密码",
        "submit": "登录",
        "401": "用户名或密码错误。",
        "422": "请输入用户名和密码。",
        "429": "尝试次数过多：请等待几分钟。",
    },
}


def language_of(accept: str) -> str:
    """Which of ours comes first in an Accept-Language header, in its order."""
    for part in accept.split(","):
        wanted = part.partition(";")[0].strip().lower()
        if wanted.startswith("zh"):
            return CHINESE
        if wanted.startswith("en"):
            return ENGLISH
    return ENGLISH
