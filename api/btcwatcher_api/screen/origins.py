"""Whether a request was made by one of our own pages. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit


def is_ours(headers: Mapping[str, str], own: str = "") -> bool:
    """By what browsers say, which pages cannot change; who says nothing is no browser that a page could misuse.

    `own` is our origin as browsers see it, where the Host header may be another one's.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("Origin")
    if origin is None or (own and origin == own):
        return True
    return urlsplit(origin).netloc.lower() == headers.get("Host", "").lower()


def local_path(wanted: str) -> str:
    """Where to go after signing in: a path of ours, and nothing that a browser would take for another host."""
    if not wanted.startswith("/") or wanted[1:2] in ("/", "\\") or any(ord(letter) < 33 for letter in wanted):
        return "/"
    return wanted
