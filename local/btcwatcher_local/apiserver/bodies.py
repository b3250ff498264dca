"""Bodies of requests: read within the limit, parsed by their type."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import yaml
from aiohttp import web

from . import errors, objects, protobuf

BODY_LIMIT = 3 * 1024 * 1024
_YAML = ("application/yaml", "application/apply-patch+yaml", "application/vnd.kubernetes.yaml")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Kubernetes reads it: what JSON can say, so a date stays the string it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


async def read(request: web.Request) -> bytes:
    """The whole body; 413 above the limit."""
    if (request.content_length or 0) > BODY_LIMIT:
        raise errors.too_large(BODY_LIMIT)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise errors.too_large(BODY_LIMIT) from None


def parse(content_type: str, body: bytes) -> Any:
    """The value of a JSON, YAML or protobuf body; 415 for other types, 400 when it does not parse."""
    media = content_type.split(";", 1)[0].strip().lower()
    if media == protobuf.MEDIA_TYPE:
        return protobuf.decode(body)
    if media in _YAML:
        # Most clients send JSON under a YAML type, and JSON is read a hundred times faster.
        if body.lstrip()[:1] == b"{":
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                return objects.decode(body)
        try:
            return yaml.load(body, Loader=_Loader)  # noqa: S506 - a safe loader, in C where there is one
        except yaml.YAMLError as error:
            raise errors.bad_request(f"error decoding YAML: {error}") from None
    if media not in ("", "application/octet-stream", "application/json") and not media.endswith("+json"):
        raise errors.unsupported_media_type(["application/json", "application/yaml", protobuf.MEDIA_TYPE])
    try:
        return objects.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.bad_request(
            f"the object provided is unrecognized: couldn't get version/kind; json parse error: {error}"
        ) from None


async def json_body(request: web.Request, *, empty: Any = None) -> Any:
    """The parsed body of a request; `empty` stands for none, unless that is None."""
    raw = await read(request)
    if not raw.strip() and empty is not None:
        return empty
    return parse(request.headers.get("Content-Type", ""), raw)
