"""Which language and theme the page is in: what was chosen, else what the browser prefers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from btcwatcher_api.page.texts import TEXTS

K = TypeVar("K", bound=StrEnum)

LANGUAGE_COOKIE: Final = "btcwatcher_language"
THEME_COOKIE: Final = "btcwatcher_theme"


class Language(StrEnum):
    """What the page can be read in, as HTML's `lang` has it."""

    ENGLISH = "en"
    CHINESE = "zh-CN"


class Theme(StrEnum):
    """`system`: what the machine is set to."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Preferences:
    """How somebody wants the page."""

    language: Language
    theme: Theme

    def text(self, key: str, **values: object) -> str:
        """A text of the table. Raises KeyError for one that is not there."""
        words = TEXTS[key][0 if self.language is Language.ENGLISH else 1]
        return words.format(**values) if values else words

    def word(self, group: str, value: object) -> str:
        """A word from a closed set of ours (`group`.`value`), or the value itself where it is of a newer set."""
        key = f"{group}.{value}"
        return self.text(key) if key in TEXTS else str(value)


def preferences(cookies: Mapping[str, str], accept_language: str) -> Preferences:
    return Preferences(
        language=_known(Language, cookies.get(LANGUAGE_COOKIE)) or _preferred(accept_language),
        theme=_known(Theme, cookies.get(THEME_COOKIE)) or Theme.SYSTEM,
    )


def _preferred(accept_language: str) -> Language:
    """The first of ours by weight (RFC 9110); English where there is none."""
    weighed = []
    for place, part in enumerate(accept_language.split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, tag.strip().lower()))
        except ValueError:
            continue
    for order, _, tag in sorted(weighed):
        for language in Language:
            if order < 0 and tag.split("-")[0] == language.value.split("-")[0]:
                return language
    return Language.ENGLISH


def _known(kind: type[K], value: str | None) -> K | None:
    return kind(value) if value in list(kind) else None
