"""Whose certificates are trusted, the same for all vendors."""

import os
import ssl
from functools import lru_cache

import httpx


def context() -> ssl.SSLContext:
    """The authorities that SSL_CERT_FILE or SSL_CERT_DIR name, else the usual ones.

    Reading them takes longer than to send a message, so they are read once.
    """
    return _context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=4)
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()
