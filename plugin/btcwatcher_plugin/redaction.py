"""What may leave the house: objects and logs without anything that opens a door. Pure.

Three nets, one behind the other: fields that hold secrets by their kind, texts that look like secrets, and the very
values of the Secrets that the report could read, wherever they turn up.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

Object = dict[str, Any]

GONE: Final = "[redacted]"

_SENSITIVE: Final = (
    r"(?:pass(?:word|wd|phrase)?|secret|token|api_?-?key|private_?-?key|access_?-?key|signing_?-?key|signature|credentials?"
    r"|authorization|cookie|jwt|listen_?-?key|wallet_?-?address|mnemonic|otp|pgpass)(?:_?-?key)?"
)
_SENSITIVE_KEY: Final = re.compile(_SENSITIVE + r"s?$", re.IGNORECASE)
_PATTERNS: Final = tuple(
    (re.compile(pattern, flags), replacement)
    for pattern, flags, replacement in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL, GONE),
        # user:password@ of a URL
        (r"(\b[a-z][a-z0-9+.-]*://)[^\s/@'\"]+@", re.IGNORECASE, rf"\1{GONE}@"),
        (r"\b(Bearer)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE, rf"\1 {GONE}"),
        (r"\b(Basic)\s+[A-Za-z0-9+/]{10,}=*", 0, rf"\1 {GONE}"),
        (
            r"(\b(?:Authorization|Cookie|Set-Cookie|X-Api-Key)['\"]?\s*[:=]\s*['\"]?)[^\r\n'\"]+",
            re.IGNORECASE,
            rf"\1{GONE}",
        ),
        # netrc
        (r"(\blogin\s+\S+\s+password\s+)[^\s'\"]+", 0, rf"\1{GONE}"),
        # name=value, "name": "value", 'name': 'value', name: value
        (
            rf"([\w-]*{_SENSITIVE}s?(?:\\?['\"])?\s*[:=]\s*)(\\?['\"])(?:(?!\2).)*\2",
            re.IGNORECASE,
            rf"\1\2{GONE}\2",
        ),
        (rf"([\w-]*{_SENSITIVE}s?\s*[:=]\s*)[^\s'\",;&\[\]{{}}()\\]+", re.IGNORECASE, rf"\1{GONE}"),
        # the path of a chat's webhook is its secret
        (r"(/open-apis/bot/v2/hook/|hooks\.slack\.com/services/|/api/webhooks/)[^\s'\"?]+", 0, rf"\1{GONE}"),
        (r"([?&]key=)[^\s&'\"]+", re.IGNORECASE, rf"\1{GONE}"),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", 0, GONE),
        # tokens of ours: an API key, and what is derived from a platform key
        (r"\bbtcw_[A-Za-z0-9_-]{20,}", 0, GONE),
        (r"(?<![A-Za-z0-9_-])k[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])", 0, GONE),
        # a Telegram bot's token
        (r"(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}", 0, GONE),
    )
)
_SHORTEST: Final = 6
_NO_SECRET_KEYS: Final = frozenset(
    ("host", "port", "dbname", "user", "username", "namespace", "type", "ca.crt", "tls.crt", "service-ca.crt")
)
"""Keys of Secrets whose values are no secret: to take those out would make logs unreadable."""
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Redactor:
    """`known` are values that must not appear, whatever they look like."""

    known: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        for value in self.known:
            text = text.replace(value, GONE)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def object(self, obj: Object) -> Object:
        """An object of the cluster, fit to be shown."""
        metadata = {name: value for name, value in obj.get("metadata", {}).items() if name != "managedFields"}
        annotations = metadata.get("annotations")
        if annotations:
            metadata["annotations"] = {name: text for name, text in annotations.items() if name != _LAST_APPLIED}
        holds = obj.get("kind") in ("Secret", "ConfigMap")
        shown = {name: value for name, value in obj.items() if not (holds and name in _HOLDING)} | {
            "metadata": metadata
        }
        if obj.get("kind") == "Strategy":
            shown["spec"] = without_source(obj.get("spec") or {})
        cleaned: Object = self._value(shown)
        return cleaned | {name: _lengths(obj[name]) for name in _HOLDING if holds and obj.get(name)}

    def _value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {self.text(str(name)): self._value(one, str(name)) for name, one in value.items()}
        if isinstance(value, list):
            if key == "env":
                return [self._value(_without_env_value(one)) for one in value]
            return [self._value(one, key) for one in value]
        if isinstance(value, str):
            return GONE if value and _SENSITIVE_KEY.search(key) else self.text(value)
        return value


_HOLDING: Final = ("data", "stringData", "binaryData")


def known_values(secrets: Iterable[Object], *others: str) -> tuple[str, ...]:
    """The secrets in Secrets, and in every spelling in which they may turn up; the longest first."""
    found: set[str] = {other for other in others if other}
    for secret in secrets:
        for key, encoded in (secret.get("data") or {}).items():
            if key in _NO_SECRET_KEYS:
                continue
            try:
                found |= _secrets_of(base64.b64decode(encoded).decode())
            except ValueError:
                found.add(encoded)
    return tuple(sorted((spelling for value in found for spelling in _spellings(value)), key=len, reverse=True))


def is_sensitive(key: str) -> bool:
    """Whether a setting of this name holds a secret."""
    return _SENSITIVE_KEY.search(key) is not None


def without_source(spec: Object) -> Object:
    """A Strategy's spec without the strategy itself: it is its user's livelihood. Its hash tells two apart."""
    inline = (spec.get("source") or {}).get("inline")
    if inline is None:
        return spec
    digest = hashlib.sha256(inline.encode()).hexdigest()[:12]
    return {**spec, "source": {"inline": f"[left out: {len(inline)} characters, sha256 {digest}]"}}


def _lengths(held: dict[str, str]) -> dict[str, str]:
    return {key: f"[left out: {len(text)} characters]" for key, text in held.items()}


def _without_env_value(one: Object) -> Object:
    """Whatever stands in an environment variable may be a secret; where one comes from is none."""
    return {**one, "value": GONE} if isinstance(one, dict) and one.get("value") else one


def _secrets_of(text: str) -> set[str]:
    """A value of one line is a secret; of a file, what it says to be one."""
    stripped = text.strip()
    if "\n" not in stripped and not stripped.startswith(("{", "[", "machine ")):
        found = {stripped}
        if "://" in stripped and "@" in stripped:
            # The password of an address, which may turn up without it.
            found |= set(re.findall(r"://[^:@/]*:([^@/]+)@", stripped))
        return {value for value in found if _tells(value)}
    try:
        return {value for value in _json_secrets(json.loads(stripped)) if _tells(value)}
    except ValueError:
        return {value for value in re.findall(r"\bpassword\s+(\S+)", stripped) if _tells(value)}


def _json_secrets(value: Any, key: str = "") -> Iterable[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _json_secrets(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _json_secrets(one, key)
    elif isinstance(value, str) and (_SENSITIVE_KEY.search(key) or key == "key"):
        yield value


def _tells(value: str) -> bool:
    """Whether a value is long enough to be looked for: a short one would turn up where it means nothing."""
    return len(value) >= _SHORTEST and not (value.isdigit() and len(value) < 9) and value.lower() not in ("default",)


def _spellings(value: str) -> set[str]:
    plain = value.encode()
    return {
        value,
        quote(value, safe=""),
        json.dumps(value)[1:-1],
        base64.b64encode(plain).decode(),
    }
