"""Compiling and evaluating expressions."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings

from .library import functions

_STRINGS = re.compile(r"""r?("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")
_OLD = re.compile(r"\boldSelf\b")


class CelError(ValueError):
    """An expression that does not compile, or whose evaluation failed."""


@cache
def _environment() -> Any:
    extensions = [
        ext_strings.ExtStrings(),
        ext_math.ExtMath(),
        ext_optional.ExtOptional(),
        ext_bindings.ExtBindings(),
        ext_encoders.ExtEncoders(),
    ]
    variables = {
        "self": cel.Type.DYN,
        "oldSelf": cel.Type.DYN,
        "oldSelf_present": cel.Type.BOOL,
        "oldSelf_value": cel.Type.DYN,
    }
    return cel.NewEnv(variables=variables, extensions=extensions, functions=functions())


def uses_old(expression: str) -> bool:
    """Whether an expression speaks of oldSelf (outside of its string literals)."""
    return bool(_OLD.search(_STRINGS.sub("''", expression)))


class Expression:
    """A compiled expression of `self` and `oldSelf`."""

    def __init__(self, text: str, *, wanted: str, optional_old: bool = False) -> None:
        self.text = text
        self.optional_old = optional_old
        whole = text
        if optional_old:
            old = "(oldSelf_present ? optional.of(oldSelf_value) : optional.none())"
            whole = f"cel.bind(oldSelf, {old}, ({text}))"
        try:
            self._compiled = _environment().compile(whole)
        except Exception as error:  # the engine raises its own kinds, RuntimeError among them
            raise CelError(_first_line(error)) from None
        result = self._compiled.return_type().name()
        if result not in (wanted, "DYN"):
            raise CelError(f"cel expression must evaluate to a {wanted.lower()}")
        self._wanted = wanted

    def value(self, now: Any, old: Any = None, *, has_old: bool = False) -> Any:
        """The result, of the wanted type. Raises CelError, so does an error value."""
        data = {"self": now}
        if self.optional_old:
            data |= {"oldSelf_present": has_old, "oldSelf_value": old}
        elif has_old:
            data["oldSelf"] = old
        try:
            result = self._compiled.eval(data=data)
        except Exception as error:
            raise CelError(_first_line(error)) from None
        kind = result.type().name()
        if kind == "ERROR":
            raise CelError(str(result.value()))
        if kind != self._wanted:
            raise CelError(f"the result is a {kind.lower()}, not a {self._wanted.lower()}")
        return result.value()


@lru_cache(maxsize=4096)
def compile_expression(text: str, wanted: str, optional_old: bool = False) -> Expression:
    """An Expression, remembered by its text. Raises CelError."""
    return Expression(text, wanted=wanted, optional_old=optional_old)


def _first_line(error: Exception) -> str:
    text = str(error).strip().removesuffix("[INVALID_ARGUMENT]").removeprefix("INVALID_ARGUMENT: ")
    return text.splitlines()[0].strip() if text else type(error).__name__
