"""Whether a request that changes something comes from a page of ours: the browser says so itself. Pure.

Bots have host names beside the API's (`*.bots.example.com`), so that a page of theirs is of the same *site*: a cookie
with SameSite=Strict goes along with what it sends. So a change must come from the same *origin*.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit


def is_own(headers: Mapping[str, str]) -> bool:
    """Browsers say Sec-Fetch-Site wherever the page came safely, and Origin with every POST."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = headers.get("origin", ""), headers.get("host", "")
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()


def is_secure(scheme: str, headers: Mapping[str, str], public_url: str) -> bool:
    """Whether the browser speaks https with whoever stands in front of us.

    Anybody may write X-Forwarded-Proto, and would get a cookie that his own browser keeps to https.
    """
    forwarded = headers.get("x-forwarded-proto")
    if forwarded:
        return forwarded.split(",")[0].strip().lower() == "https"
    public = urlsplit(public_url)
    return scheme == "https" or (public.scheme == "https" and public.netloc.lower() == headers.get("host", "").lower())


def local_path(text: str | None) -> str:
    """Where to go on: a path of ours, `/` for anything else (`//host` and `/\\host` would lead elsewhere)."""
    if text and text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable():
        return text
    return "/"
