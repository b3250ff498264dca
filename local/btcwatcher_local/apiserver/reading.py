"""GET of one object and LIST of many, with pages that show one moment."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from . import errors, objects, views
from .selectors import field_selector, label_selector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .context import Api
    from .objects import JsonObject
    from .request import ReadOptions, View
    from .resources import Resource
    from .selectors import Predicate
    from .storage import Stored

_PAGES_KEPT = 64
_PAGE_SECONDS = 300.0


def predicate(resource: Resource, options: ReadOptions, name: str = "") -> Predicate | None:
    """Everything that a list or watch asks of an object besides its namespace."""
    tests = [
        test
        for test in (
            label_selector(options.label_selector),
            field_selector(resource, options.field_selector),
            field_selector(resource, f"metadata.name={name}") if name else None,
        )
        if test is not None
    ]
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda obj: all(test(obj) for test in tests)


@dataclass(slots=True)
class _Rest:
    """What a paged list has not handed out yet."""

    rv: int
    items: list[Stored]
    expires: float


class Pages:
    """Continuations of paged lists: the objects as they were when the first page was made."""

    def __init__(self) -> None:
        self._rest: OrderedDict[str, _Rest] = OrderedDict()

    def keep(self, rv: int, items: list[Stored]) -> str:
        token = secrets.token_urlsafe(9)
        self._rest[token] = _Rest(rv, items, time.monotonic() + _PAGE_SECONDS)
        while len(self._rest) > _PAGES_KEPT:
            self._rest.popitem(last=False)
        return base64.urlsafe_b64encode(objects.encode({"v": "meta.k8s.io/v1", "rv": rv, "start": token})).decode()

    def resume(self, token: str) -> _Rest:
        """The rest behind a token, which stays valid so that a client can repeat a lost request; 410 when gone."""
        try:
            content = objects.decode(base64.urlsafe_b64decode(token))
            found = self._rest.get(content["start"])
        except (binascii.Error, msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
            raise errors.bad_request("continue key is not valid: the token is malformed") from None
        if found is None or found.expires < time.monotonic():
            raise errors.expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new "
                "list without the continue parameter."
            )
        return found


def list_objects(
    api: Api, resource: Resource, namespace: str | None, options: ReadOptions, view: View, pages: Pages
) -> bytes:
    """The bytes of a list."""
    if options.resource_version not in ("", "0"):
        _check_version(api, options.resource_version)
    if options.continue_token:
        rest = pages.resume(options.continue_token)
        rv, selected = rest.rv, rest.items
    else:
        rv = api.store.rv
        test = predicate(resource, options)
        found: Iterable[Stored] = api.collection(resource).select(namespace)
        if test is not None:
            found = (s for s in found if test(s.obj))
        selected = list(found)
    meta: JsonObject = {"resourceVersion": str(rv)}
    if options.limit and len(selected) > options.limit:
        page = list(islice(selected, options.limit))
        rest_items = selected[options.limit :]
        meta["continue"] = pages.keep(rv, rest_items)
        if not options.label_selector and not options.field_selector:
            meta["remainingItemCount"] = len(rest_items)
        selected = page
    return views.render_list(resource, selected, meta, view)


def _check_version(api: Api, text: str) -> None:
    if not text.isdigit():
        raise errors.bad_request(f'Invalid value: "{text}": resourceVersion must be a number')
    if int(text) > api.store.rv:
        raise errors.StatusError(
            504, "Timeout", f"Timeout: Too large resource version: {text}, current: {api.store.rv}",
            {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
             "retryAfterSeconds": 1},
        )  # fmt: skip
