"""The template language: the part of Jinja2 in which nobody can write anything that runs for ever or grows without end.

Kept are text, fields, filters, tests, arithmetic on numbers, `if`, `for`, `set` and `with`. What could call, recurse or
nest without bound (functions, macros, blocks, includes, lists of variables) is refused when the template is read, with
its line. What is left costs steps, counted exactly and independent of the machine's load: each round of a loop as many
as its body has parts, each filter one and more for long text. Jinja2's sandbox is the second wall behind this one.
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache, wraps
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2 import filters as stock
from jinja2.exceptions import SecurityError
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from btcwatcher_api.notifications.templates import text as words
from btcwatcher_crds.notification_channel import TEMPLATE_MAX_BYTES

STEPS_MAX: Final = 50_000
"""Of one rendering. The largest digest of the defaults takes some thousands."""

_EACH: Final = "for each"
_JOINED: Final = "joined up"
"""Filters that only we can name: no name in a template has a space."""

_LARGEST: Final = Decimal(10) ** 30

_ALLOWED: Final = frozenset(
    {
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.With, nodes.Name,
        nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test,
        nodes.Keyword, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Concat,
        nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos,
    }
)  # fmt: skip

_INSTEAD: Final[dict[type[nodes.Node], str]] = {
    nodes.Call: "nothing can be called: use a filter, such as {{ subject.pair | lower }}",
    nodes.Pow: "there is no power operator",
    nodes.Dict: "there are no dictionaries",
    nodes.AssignBlock: "give the value in the tag itself: {% set name = ... %}",
    nodes.FilterBlock: "use the filter in an expression: {{ value | filter }}",
    nodes.Macro: "there are no macros",
    nodes.CallBlock: "there are no macros",
    nodes.Include: "a template is one text: nothing can be included",
    nodes.Import: "a template is one text: nothing can be imported",
    nodes.FromImport: "a template is one text: nothing can be imported",
    nodes.Extends: "a template is one text: it extends nothing",
    nodes.Block: "there are no blocks",
    nodes.NSRef: "there are no namespaces",
}


class TooMuchError(SecurityError):
    """A rendering takes more steps or makes more text than any message needs."""


class _Meter:
    """Steps that one rendering may still take."""

    def __init__(self) -> None:
        self.left = STEPS_MAX

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise TooMuchError("the template does more than a message needs: it loops over too much")


_meter: ContextVar[_Meter] = ContextVar("meter")


def _spend(steps: int) -> None:
    _meter.get().spend(steps)


def _bounded(text: str) -> str:
    _spend(1 + len(text) // 64)
    if len(text) > words.TEXT_MAX:
        raise TooMuchError(f"the template makes a text of more than {words.TEXT_MAX} characters")
    return text


def parse(source: str) -> Template:
    """Raises TemplateSyntaxError, with the line, for what the language does not have."""
    if len(source.encode()) > TEMPLATE_MAX_BYTES:
        raise TemplateSyntaxError(f"a template has at most {TEMPLATE_MAX_BYTES // 1024} KiB", 1)
    return _compiled(source)


def parse_default(source: str) -> Template:
    """As `parse`, for a template that comes with us: it is not guarded against itself."""
    return _compiled(source, guarded=False)


@lru_cache(maxsize=256)
def _compiled(source: str, *, guarded: bool = True) -> Template:
    token = _meter.set(_Meter())
    try:
        return (_environment if guarded else _defaults).from_string(source)
    except TemplateError:
        raise
    # The parser and Python's own compiler give up on what is nested hundreds deep.
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        raise TemplateSyntaxError("the template is nested too deeply", 1) from None
    finally:
        _meter.reset(token)


def run(template: Template, variables: dict[str, Any]) -> str:
    """The text. Raises TemplateError and the errors of Python's own operators; `failing_line` tells where."""
    meter = _Meter()
    token = _meter.set(meter)
    try:
        parts = []
        length = 0
        for part in template.generate(variables):
            meter.spend(1)
            length += len(part)
            if length > words.TEXT_MAX:
                raise TooMuchError(f"the message has more than {words.TEXT_MAX} characters")
            parts.append(part)
        return "".join(parts)
    finally:
        _meter.reset(token)


def failing_line(error: BaseException) -> int | None:
    """The line of the template in which the error came up."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    line, traceback = None, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def names_used(source: str) -> set[str]:
    """All names that the template reads."""
    return {node.name for node in _environment.parse(source).find_all(nodes.Name)}


class _Unknown(StrictUndefined):
    """What is not there, in words of the template's author."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        name, holder = self._undefined_name, self._undefined_obj
        if self._undefined_hint:
            return self._undefined_hint
        if holder is missing:
            return f"there is no variable {name!r}"
        if not isinstance(name, str):
            return f"there is no element {name!r}"
        similar = get_close_matches(name, getattr(holder, "__slots__", ()), 1)
        instead = f"; did you mean {similar[0]!r}?" if similar else ""
        return f"there is no field {name!r}{instead}"


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        refuse(template)
        _meter_loops(template, self)
        return template

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        _spend(1)
        for side in (left, right):
            if isinstance(side, Undefined):
                str(side)  # raises with the name
            if isinstance(side, bool) or not isinstance(side, int | float | Decimal):
                raise SecurityError(f"{operator} is for numbers, not for {_named(side)}; ~ joins text")
        left, right = words.to_decimal(left), words.to_decimal(right)
        if not right and operator in ("/", "//", "%"):
            raise SecurityError("a number cannot be divided by 0")
        result = self.binop_table[operator](left, right)
        if abs(result) > _LARGEST:
            raise TooMuchError("the template makes a number that is too large")
        return result


class _Unguarded(_Environment):
    """Fields are read without the sandbox, which takes as long as all the rest of a message."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return Environment.getattr(self, obj, attribute)


def _named(value: Any) -> str:
    return "nothing (the value is not there)" if value is None else f"a {type(value).__name__}"


def refuse(node: nodes.Node, line: int = 1) -> None:
    """Raises TemplateSyntaxError for what is not part of the language."""
    line = node.lineno or next((child.lineno for child in node.find_all(nodes.Node) if child.lineno), line)
    if type(node) not in _ALLOWED:
        raise TemplateSyntaxError(_INSTEAD.get(type(node), "this tag is not part of the template language"), line)
    # Lists of lists of variables grow without end, and comparing two takes for ever.
    if isinstance(node, nodes.List | nodes.Tuple):
        plain = nodes.Name if getattr(node, "ctx", "load") == "store" else nodes.Const
        if not all(isinstance(item, plain) for item in node.items):
            raise TemplateSyntaxError("a list holds plain values only", line)
    if isinstance(node, nodes.For) and node.recursive:
        raise TemplateSyntaxError("a loop cannot be recursive", line)
    if isinstance(node, nodes.Filter) and node.node is None:
        raise TemplateSyntaxError("use the filter in an expression: {{ value | filter }}", line)
    for what, kind, known in (("filter", nodes.Filter, FILTERS), ("test", nodes.Test, _TESTS)):
        if isinstance(node, kind) and node.name not in known:
            raise TemplateSyntaxError(f"there is no {what} {node.name!r}; there are {_listed(known)}", line)
    if isinstance(node, nodes.Filter | nodes.Test) and (node.dyn_args is not None or node.dyn_kwargs is not None):
        raise TemplateSyntaxError("there are no * arguments", line)
    for child in node.iter_child_nodes():
        refuse(child, line)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(name for name in names if name.isalpha()))


def _meter_loops(node: nodes.Node, environment: _Environment) -> int:
    """Make loops and joined text count their steps; the number of nodes in `node`."""
    size = 1 + sum(_meter_loops(child, environment) for child in node.iter_child_nodes())
    if isinstance(node, nodes.For):
        node.iter = _filter(node.iter, _EACH, [nodes.Const(size, lineno=node.lineno)], environment)
    for name, value in list(node.iter_fields()):
        if isinstance(value, nodes.Concat):
            setattr(node, name, _joined(value, environment))
        elif isinstance(value, list):
            value[:] = [_joined(item, environment) if isinstance(item, nodes.Concat) else item for item in value]
    return size


def _joined(node: nodes.Concat, environment: _Environment) -> nodes.Filter:
    first, *others = node.nodes
    return _filter(first, _JOINED, others, environment)


def _filter(node: nodes.Node, name: str, args: list[nodes.Expr], environment: _Environment) -> nodes.Filter:
    made = nodes.Filter(node, name, args, [], None, None, lineno=node.lineno)
    made.set_environment(environment)
    return made


def _each(values: Iterable[Any], steps: int) -> Iterator[Any]:
    for value in values:
        _spend(steps)
        yield value


def _join_all(first: Any, *others: Any) -> str:
    return _joined_text("", (first, *others))


def _joined_text(between: str, values: Iterable[Any]) -> str:
    """Markdown among them stays what it is; the rest is escaped, as it would be on its own."""
    pieces = list(values)
    _spend(1 + len(pieces))
    some = any(isinstance(piece, words.Markdown) for piece in pieces)
    texts = [finalize(piece) if some else as_text(piece) for piece in pieces]
    if sum(map(len, texts)) + len(between) * len(texts) > words.TEXT_MAX:
        raise TooMuchError(f"the template makes a text of more than {words.TEXT_MAX} characters")
    joined = _bounded(between.join(texts))
    return words.Markdown(joined) if some else joined


def as_text(value: Any) -> str:
    if isinstance(value, Undefined):
        return str(value)
    return words.as_text(value)


def finalize(value: Any) -> str:
    """What `{{ value }}` prints: Markdown as it is, all else escaped."""
    if isinstance(value, words.Markdown):
        return str(value)
    if isinstance(value, str):
        return words.escape(_bounded(value))
    if isinstance(value, Undefined):
        return str(value)
    return words.as_text(value)


def _on_text(function: Callable[..., str]) -> Callable[..., str]:
    def filtered(value: Any, *args: Any, **kwargs: Any) -> str:
        return _bounded(function(_bounded(as_text(value)), *args, **kwargs))

    return filtered


def _on_number(function: Callable[..., str]) -> Callable[..., str]:
    """Numbers that are not there stay away, so that {{ profit | percent }} needs no `if`."""

    def filtered(value: Any, *args: Any, **kwargs: Any) -> str:
        _spend(1)
        return words.Markdown("" if value is None else function(value, *args, **kwargs))

    return filtered


def _replace(text: str, old: str, new: str) -> str:
    if not old:
        raise SecurityError("replace needs the text that is to be replaced")
    if len(text) + text.count(old) * len(new) > words.TEXT_MAX:
        raise TooMuchError(f"the template makes a text of more than {words.TEXT_MAX} characters")
    return text.replace(old, new)


def _truncate(text: str, length: int = 200) -> str:
    length = max(int(length), 1)
    return text if len(text) <= length else text[: length - 1] + "…"


def _number(value: Any, digits: int = 8) -> str:
    return words.number(value, min(max(int(digits), 1), 20))


def _round(value: Any, places: int = 0) -> Decimal | None:
    _spend(1)
    return None if value is None else round(words.to_decimal(value), min(max(int(places), 0), 20))


def _absolute(value: Any) -> Decimal | None:
    _spend(1)
    return None if value is None else abs(words.to_decimal(value))


def _join(values: Iterable[Any], between: str = ", ") -> str:
    return _joined_text(as_text(between), _counted(values))


def _counted(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        _spend(1)
        yield value


def _list(values: Iterable[Any]) -> list[Any]:
    if isinstance(values, str):
        raise SecurityError("list and reverse are for lists, not for text")
    return list(_counted(values))


def _length(values: Any) -> int:
    _spend(1)
    return len(values) if hasattr(values, "__len__") else sum(1 for _ in _counted(values))


def _items(values: Any) -> list[tuple[Any, Any]]:
    """The pairs of a mapping, in the order of their names."""
    return [] if values is None else sorted(values.items())


def _stock(name: str) -> Callable[..., Any]:
    """A filter of Jinja2's own over a list, which costs as many steps as the list is long."""
    function = stock.FILTERS[name]
    position = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        values = args[position]
        if isinstance(values, str):
            raise SecurityError(f"{name} is for lists, not for text")
        _spend(1 + (len(values) if hasattr(values, "__len__") else 0))
        return function(*args, **kwargs)

    return filtered


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    _EACH: _each,
    _JOINED: _join_all,
    "abs": _absolute,
    "capitalize": _on_text(str.capitalize),
    "code": _on_text(words.code),
    "d": stock.FILTERS["default"],
    "default": stock.FILTERS["default"],
    "first": _stock("first"),
    "groupby": _stock("groupby"),
    "items": _items,
    "join": _join,
    "last": _stock("last"),
    "length": _length,
    "lines": _on_text(words.escape_lines),
    "list": _list,
    "lower": _on_text(str.lower),
    "map": _stock("map"),
    "money": _on_number(words.money),
    "number": _on_number(_number),
    "percent": _on_number(words.percent),
    "rejectattr": _stock("rejectattr"),
    "replace": _on_text(_replace),
    "reverse": lambda values: _list(values)[::-1],
    "round": _round,
    "selectattr": _stock("selectattr"),
    "signed": _on_number(lambda value: words.signed(words.money(value))),
    "sort": _stock("sort"),
    "title": _on_text(str.title),
    "trim": _on_text(str.strip),
    "truncate": _on_text(_truncate),
    "unique": _stock("unique"),
    "upper": _on_text(str.upper),
}
_TESTS: Final = (
    *("defined", "divisibleby", "eq", "even", "false", "ge", "gt", "in", "le", "lt", "ne", "none", "number", "odd"),
    *("string", "true", "undefined"),
)


def _make(kind: type[_Environment]) -> _Environment:
    environment = kind(
        undefined=_Unknown,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
        optimized=False,
        autoescape=False,  # that is HTML's: `finalize` escapes for Markdown
    )
    environment.globals.clear()
    environment.filters = dict(FILTERS)
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


_environment: Final = _make(_Environment)
_defaults: Final = _make(_Unguarded)
