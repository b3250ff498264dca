"""`multipart/form-data` bodies, read with the standard library: here they are small and bounded."""

from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Final

from btcwatcher_api.problems import Problem

MEDIA_TYPE: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Part:
    """One field; `filename` is None unless it is a file."""

    content: bytes
    filename: str | None


def parts(content_type: str, body: bytes) -> dict[str, Part]:
    """The fields by name. Raises Problem 415 for another media type and 400 for what cannot be read."""
    if content_type.split(";", 1)[0].strip().lower() != MEDIA_TYPE:
        raise Problem(415, f"send the fields as {MEDIA_TYPE}")
    try:
        header = content_type.encode("latin-1")
        message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + header + b"\r\n\r\n" + body)
        if message.defects or not message.is_multipart():
            raise ValueError("not multipart")
        found: dict[str, Part] = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if not isinstance(name, str) or name in found or not isinstance(content, bytes):
                raise ValueError("a field without a name of its own")
            found[name] = Part(content, part.get_filename())
    except (ValueError, LookupError, AttributeError, TypeError):
        raise Problem(400, f"the body is not {MEDIA_TYPE} with a name of its own for each field") from None
    return found
