"""The fields of a form that a page of ours sent."""

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from btcwatcher_api.problems import Problem

_MOST: Final = 30


async def _fields(request: Request) -> dict[str, str]:
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST)
    except ValueError:
        raise Problem(400, "the body is no form") from None
    return dict(pairs)


Fields = Annotated[dict[str, str], Depends(_fields)]
