"""One Proxy as the bot has it: its name and its URL, read anew from the mounted file for each connection."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

Kind = Literal["http", "socks5"]
# socks5h: names are resolved by the proxy. That is what is done anyway, so that no look-up tells of the exchange.
_KINDS: dict[str, Kind] = {"http": "http", "socks5": "socks5", "socks5h": "socks5"}
_DEFAULT_PORTS: dict[Kind, int] = {"http": 80, "socks5": 1080}


class UrlError(Exception):
    """What a Proxy's file holds is no proxy's URL; the text says why and shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A proxy. Two that differ in anything are different ones: a changed URL starts with a clean record."""

    name: str
    kind: Kind
    host: str = field(repr=False)
    port: int = field(repr=False)
    username: str = field(repr=False)
    password: str = field(repr=False)


def parse(name: str, text: str) -> Upstream:
    """The proxy that a URL describes. Raises UrlError."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        # The words of urllib can hold a part of the URL.
        raise UrlError("is not a URL") from None
    kind = _KINDS.get(parts.scheme)
    if kind is None:
        raise UrlError("does not begin with http:// or socks5://")
    if not host:
        raise UrlError("names no host")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Upstream(name, kind, host, port or _DEFAULT_PORTS[kind], username, password)


def read(folder: Path, names: Iterable[str]) -> tuple[list[Upstream], dict[str, str]]:
    """The proxies in the order of their names, and for those that cannot be used what is wrong with them."""
    found: list[Upstream] = []
    wrong: dict[str, str] = {}
    for name in names:
        try:
            found.append(parse(name, (folder / name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            wrong[name] = "its Secret or key is not there"
        except (OSError, UnicodeDecodeError):
            wrong[name] = "its URL cannot be read"
        except UrlError as error:
            wrong[name] = f"its URL {error}"
    return found, wrong
