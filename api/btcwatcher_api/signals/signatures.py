"""Standard Webhooks signatures (standardwebhooks.com): HMAC-SHA256 over id, time and body, with the Strategy's token as
secret. The token itself never travels."""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

TOLERANCE_SECONDS: Final = 300
"""How far the time of an attempt may be from ours, as the specification's own libraries have it."""

_ID_LENGTH: Final = 255
_MOST_SIGNATURES: Final = 16


class NotSigned(Exception):  # noqa: N818 - it is the message that is not signed
    """The signature does not show that this Strategy's sender wrote the message just now. `header` is at fault."""

    def __init__(self, header: str, message: str) -> None:
        super().__init__(f"{header}: {message}")
        self.header = header


@dataclass(frozen=True, slots=True)
class Signed:
    """The three headers of one attempt to deliver a message."""

    id: str
    """The message's: the same in every attempt to deliver it."""
    timestamp: int
    """Seconds since 1970, of this attempt."""
    signatures: tuple[str, ...]
    """Base64 of HMAC-SHA256, one for each secret that the sender knows."""

    def check(self, body: bytes, secrets: Iterable[bytes], now: float) -> None:
        """Raises NotSigned. `now` in seconds since 1970."""
        if abs(now - self.timestamp) > TOLERANCE_SECONDS:
            raise NotSigned("webhook-timestamp", f"is more than {TOLERANCE_SECONDS} seconds from the time here")
        signed = f"{self.id}.{self.timestamp}.".encode() + body
        given = [signature.encode() for signature in self.signatures]
        expected = [base64.b64encode(hmac.digest(secret, signed, "sha256")) for secret in secrets]
        # No short cut: the time taken does not tell how far a guess went.
        if not any([hmac.compare_digest(one, other) for one in given for other in expected]):  # noqa: C419
            raise NotSigned("webhook-signature", "is not the Strategy's; its secret is in GET .../webhook")


def signed(headers: dict[bytes, bytes]) -> Signed | None:
    """The signature in a request's headers, None without one. Raises NotSigned for one that cannot be read."""
    signature = headers.get(b"webhook-signature")
    if signature is None:
        return None
    identifier = headers.get(b"webhook-id", b"").decode("latin-1")
    if not identifier or len(identifier) > _ID_LENGTH:
        raise NotSigned("webhook-id", f"is required with a signature, at most {_ID_LENGTH} characters")
    try:
        timestamp = int(headers.get(b"webhook-timestamp", b""))
    except ValueError:
        raise NotSigned("webhook-timestamp", "is required with a signature: seconds since 1970") from None
    versions = [part.partition(",") for part in signature.decode("latin-1").split(" ")[:_MOST_SIGNATURES]]
    return Signed(identifier, timestamp, tuple(value for version, _, value in versions if version == "v1" and value))


def secret_of(token: str) -> str:
    """The token as such a sender wants its secret: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(token.encode()).decode()
