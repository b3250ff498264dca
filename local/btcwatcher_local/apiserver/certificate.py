"""A TLS certificate for loopback: kubectl sends its token only over TLS."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

import trustme


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate, signed by an authority that lives as long as the process."""

    certificate: str
    """PEM of the authority that clients have to trust."""
    _leaf: trustme.LeafCert = field(repr=False)

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._leaf.configure_cert(context)
        return context


def self_signed(names: tuple[str, ...] = ("127.0.0.1", "::1", "localhost")) -> Certificate:
    """A new authority and a certificate of it for these host names and addresses."""
    authority = trustme.CA()
    leaf = authority.issue_cert(*names)
    return Certificate(authority.cert_pem.bytes().decode(), leaf)
