"""From what a message speaks of to its words: by the channel's own template, or the default of its language."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Template, TemplateError, TemplateSyntaxError

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.subject import Kind, Subject
from btcwatcher_api.notifications.templates import language as lang
from btcwatcher_api.notifications.templates.samples import SAMPLES
from btcwatcher_api.notifications.templates.text import Markdown, plain, tidy
from btcwatcher_api.notifications.templates.views import View, counts, headlines, view
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.notification_channel import Language

TITLE_MAX: Final = 200
_LISTED: Final = 30
"""Subjects that a message about several names one by one."""
_LISTED_IN_DIGEST: Final = 10
_COUNTS: Final = 30
"""Lines of counts in a digest."""
_UTC: Final = ZoneInfo("UTC")
_SEVERAL: Final = frozenset({"subjects", "counts", "headlines", "count", "more", "shape"})
"""A template that reads one of these is written for messages about several."""


class Shape(StrEnum):
    SINGLE = "single"
    GROUP = "group"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Rendered:
    message: Message
    trouble: str | None = None
    """Why the channel's own template could not be used, with its line: the message is the default one then."""


def render(
    subjects: Sequence[Subject], *, language: Language, template: str | None = None, zone: ZoneInfo = _UTC
) -> Rendered:
    """One message about one subject or more; never fails. Times are shown by the clock of `zone`."""
    ordered = sorted(subjects, key=lambda subject: (subject.at, subject.id))
    context = _Context(ordered, language, zone)
    trouble = None
    if template is not None:
        try:
            return Rendered(_message(_by_own(template, context), context))
        except _REFUSALS as error:
            trouble = describe(error)
    return Rendered(_message(_by_default(context), context), trouble)


def check(template: str) -> str | None:
    """What is wrong with a user's template and in which line; None if it renders whatever may happen."""
    for language in Language:
        for subjects in (*((sample,) for sample in SAMPLES), SAMPLES, _of_priority(Priority.P2)):
            context = _Context(subjects, language, _UTC)
            try:
                _by_own(template, context)
            except _REFUSALS as error:
                example = "" if lang.failing_line(error) is None else f" ({context.described})"
                return describe(error) + (example if not isinstance(error, TemplateSyntaxError) else "")
    return None


def describe(error: Exception) -> str:
    line = lang.failing_line(error)
    words = getattr(error, "message", None) or str(error) or type(error).__name__
    if isinstance(error, ArithmeticError):
        words = "the template makes a number that is too large"
    return f"line {line}: {words}" if line is not None else words


_REFUSALS: Final = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""All that a template can raise: those of Jinja2, and of Python for what is compared, formatted or sorted in vain."""


class _Context:
    """What a template reads."""

    def __init__(self, subjects: Sequence[Subject], language: Language, zone: ZoneInfo) -> None:
        self.subjects = subjects
        self.language = language
        self.zone = zone
        self.priority = min(subject.priority for subject in subjects)
        if len(subjects) == 1:
            self.shape = Shape.SINGLE
        else:
            self.shape = Shape.DIGEST if self.priority is Priority.P2 else Shape.GROUP

    @property
    def described(self) -> str:
        """For messages about templates."""
        if len(self.subjects) > 1:
            return f"in a {self.shape.value} of {len(self.subjects)}"
        subject = self.subjects[0]
        what = subject.values.get("type") or ("resolved" if subject.values.get("resolved") else "")
        return f"for {subject.kind.value} {what}".rstrip()

    def alone(self, subject: Subject) -> dict[str, Any]:
        seen = view(subject, self.language, self.zone)
        return self._variables([self._with_line(seen)], [seen], Shape.SINGLE)

    def variables(self) -> dict[str, Any]:
        if self.shape is Shape.SINGLE:
            return self.alone(self.subjects[0])
        days = {subject.at.astimezone(self.zone).date() for subject in self.subjects}
        views = [view(subject, self.language, self.zone, dated=len(days) > 1) for subject in self.subjects]
        # Of a digest the latest are named; a group is told from its beginning.
        listed = views[-_LISTED_IN_DIGEST:][::-1] if self.shape is Shape.DIGEST else views[:_LISTED]
        return self._variables([self._with_line(each) for each in listed], views, self.shape)

    def _with_line(self, seen: View) -> View:
        text = lang.run(_default(self.language, "line"), {"subject": seen})
        return replace(seen, line=Markdown(text.strip()))

    def _variables(self, listed: Sequence[View], views: Sequence[View], shape: Shape) -> dict[str, Any]:
        return {
            "subject": listed[0],
            "subjects": listed,
            "count": len(views),
            "more": len(views) - len(listed),
            "counts": counts(views)[:_COUNTS],
            "headlines": headlines(views),
            "shape": shape.value,
            "priority": self.priority.name,
            "language": self.language.value,
            "zone": self.zone.key,
        }


def _by_own(source: str, context: _Context) -> str:
    """Where the template says nothing, the default speaks."""
    template = lang.parse(source)
    if context.shape is Shape.SINGLE or _SEVERAL & lang.names_used(source):
        text = lang.run(template, context.variables())
        return text if text.strip() else _by_default(context)
    # Written for one subject: of several, each is told by it, below the default's title.
    title = _by_default(context).strip().splitlines()[0]
    told = [
        lang.run(template, context.alone(subject)).strip() or _alone_by_default(context, subject).strip()
        for subject in context.subjects[:_LISTED]
    ]
    if len(context.subjects) > _LISTED:
        told.append(f"+ {len(context.subjects) - _LISTED}")
    return "\n\n".join([title, *told])


def _by_default(context: _Context) -> str:
    if context.shape is Shape.SINGLE:
        return _alone_by_default(context, context.subjects[0])
    return lang.run(_default(context.language, context.shape.value), context.variables())


def _alone_by_default(context: _Context, subject: Subject) -> str:
    # The defaults for one subject read nothing else; all the rest would take as long as they do.
    seen = {"subject": view(subject, context.language, context.zone)}
    return lang.run(_default(context.language, _KIND_TEMPLATES[subject.kind]), seen)


_KIND_TEMPLATES: Final = {Kind.SIGNAL: "signal", Kind.ALERT: "alert", Kind.MANUAL: "manual", Kind.TEST: "test"}


def _message(text: str, context: _Context) -> Message:
    first, _, rest = tidy(text).partition("\n")
    title = plain(first)
    return Message(title if len(title) <= TITLE_MAX else title[: TITLE_MAX - 1] + "…", rest.strip(), context.priority)


def _of_priority(priority: Priority) -> tuple[Subject, ...]:
    return tuple(sample for sample in SAMPLES if sample.priority is priority)


@cache
def _default(language: Language, name: str) -> Template:
    source = files(__package__).joinpath("defaults", language.value, f"{name}.md.j2").read_text(encoding="utf-8")
    return lang.parse_default(source)
