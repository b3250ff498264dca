"""`$(NAME)` in command, args and env values, as Kubernetes expands it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)`; unknown names stay as written, `$$` is one dollar sign (so `$$(NAME)` is literal)."""
    out: list[str] = []
    index = 0
    while index < len(text):
        if text[index] != "$" or index + 1 >= len(text):
            out.append(text[index])
            index += 1
        elif text[index + 1] == "$":
            out.append("$")
            index += 2
        elif text[index + 1] == "(" and (end := text.find(")", index)) > 0:
            name = text[index + 2 : end]
            out.append(variables[name] if name in variables else text[index : end + 1])
            index = end + 1
        else:
            out.append(text[index : index + 2])
            index += 2
    return "".join(out)
