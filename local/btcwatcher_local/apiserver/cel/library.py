"""The functions that Kubernetes adds to CEL, as far as the Python engine can hold them.

Quantities, URLs, addresses and networks are maps with one telling key: the engine cannot carry opaque types.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel

from .. import quantity
from ..schema.patterns import compiled

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

_T = cel.Type
_LIST = _T.List(_T.DYN)
_MAP = _T.Map(_T.STRING, _T.DYN)  # the engine does not take a map where a parameter is DYN


def _function(name: str, *overloads: Any) -> Any:
    return cel.FunctionDecl(name, list(overloads))


def _overload(name: str, result: Any, parameters: list[Any], member: bool, impl: Callable[..., Any]) -> Any:
    return cel.Overload(name, result, parameters, member, impl)


def _works(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return test


def _quantity(text: str) -> dict[str, str]:
    return {"quantity": quantity.canonical(text)}


def _amount(value: Any) -> Fraction:
    return quantity.parse(str(value["quantity"]))


def _compare(left: Any, right: Any) -> int:
    first, second = _amount(left), _amount(right)
    return (first > second) - (first < second)


def _sum_of(left: Any, right: Any, sign: int) -> dict[str, str]:
    other = quantity.parse(str(right)) if isinstance(right, int) else _amount(right)
    total = _amount(left) + sign * other
    return {"quantity": quantity.canonical(f"{int(total * 10**9)}n")}


def _url(text: str) -> dict[str, str]:
    parsed = urllib.parse.urlsplit(text)
    if not (parsed.scheme and (parsed.netloc or parsed.path)) and not text.startswith("/"):
        raise ValueError(f"parse {text!r}: invalid URI for request")
    _ = parsed.port  # raises ValueError for a port that is none
    return {"url": text}


def _url_part(value: Any, part: str) -> str:
    parsed = urllib.parse.urlsplit(str(value["url"]))
    if part == "host":
        return parsed.netloc.rpartition("@")[2]
    if part == "port":
        return str(parsed.port or "")
    return str(getattr(parsed, part) or "")


def _url_getter(part: str) -> Callable[[Any], str]:
    return lambda value: _url_part(value, part)


def _ip(text: str) -> dict[str, str]:
    return {"ip": str(ipaddress.ip_address(text))}


def _cidr(text: str) -> dict[str, str]:
    ipaddress.ip_network(text, strict=False)
    return {"cidr": text}


def _network(value: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(value["cidr"] if isinstance(value, dict) else str(value), strict=False)


def _address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(value["ip"] if isinstance(value, dict) else str(value))


def _contains_cidr(network: Any, other: Any) -> bool:
    outer, inner = _network(network), _network(other)
    return outer.version == inner.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _find(text: str, pattern: str) -> str:
    found = compiled(pattern).search(text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in compiled(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


def functions() -> list[Any]:
    """Declarations for a CEL environment."""
    return [*_lists(), *_text(), *_quantities(), *_urls(), *_addresses()]


def _lists() -> list[Any]:
    # indexOf and lastIndexOf are missing: the engine's string functions of that name leave no room for them.
    return [
        _function("isSorted", _overload("list_is_sorted", _T.BOOL, [_LIST], True, lambda x: list(x) == sorted(x))),
        _function("sum", _overload("list_sum", _T.DYN, [_LIST], True, sum)),
        _function("min", _overload("list_min", _T.DYN, [_LIST], True, min)),
        _function("max", _overload("list_max", _T.DYN, [_LIST], True, max)),
    ]


def _text() -> list[Any]:
    text, number = _T.STRING, _T.INT
    strings = _T.List(text)
    return [
        _function("find", _overload("string_find", text, [text, text], True, _find)),
        _function(
            "findAll",
            _overload("string_find_all", strings, [text, text], True, _find_all),
            _overload("string_find_all_n", strings, [text, text, number], True, _find_all),
        ),
    ]


def _quantities() -> list[Any]:
    any_, text = _MAP, _T.STRING
    two = [any_, any_]
    return [
        _function("isQuantity", _overload("is_quantity", _T.BOOL, [text], False, _works(quantity.parse))),
        _function("quantity", _overload("to_quantity", any_, [text], False, _quantity)),
        _function("isGreaterThan", _overload("is_greater", _T.BOOL, two, True, lambda a, b: _compare(a, b) > 0)),
        _function("isLessThan", _overload("is_less", _T.BOOL, two, True, lambda a, b: _compare(a, b) < 0)),
        _function("compareTo", _overload("compare_to", _T.INT, two, True, _compare)),
        _function("sign", _overload("quantity_sign", _T.INT, [any_], True, lambda a: _compare(a, {"quantity": "0"}))),
        _function("asInteger", _overload("as_integer", _T.INT, [any_], True, lambda a: int(_amount(a)))),
        _function("isInteger", _overload("is_integer", _T.BOOL, [any_], True, lambda a: _amount(a).denominator == 1)),
        _function("asApproximateFloat", _overload("as_float", _T.DOUBLE, [any_], True, lambda a: float(_amount(a)))),
        _function("add", *_arithmetic("add", 1)),
        _function("sub", *_arithmetic("sub", -1)),
    ]


def _arithmetic(name: str, sign: int) -> list[Any]:
    """A sum with another quantity or with an integer."""

    def total(left: Any, right: Any) -> dict[str, str]:
        return _sum_of(left, right, sign)

    return [
        _overload(f"quantity_{name}", _MAP, [_MAP, _MAP], True, total),
        _overload(f"quantity_{name}_int", _MAP, [_MAP, _T.INT], True, total),
    ]


def _urls() -> list[Any]:
    any_, text = _MAP, _T.STRING
    parts = {
        "getScheme": "scheme",
        "getHost": "host",
        "getHostname": "hostname",
        "getPort": "port",
        "getEscapedPath": "path",
    }
    return [
        _function("isURL", _overload("is_url", _T.BOOL, [text], False, _works(_url))),
        _function("url", _overload("to_url", any_, [text], False, _url)),
        *(
            _function(name, _overload(f"url_{part}", text, [any_], True, _url_getter(part)))
            for name, part in parts.items()
        ),
        _function(
            "getQuery",
            _overload(
                "url_query",
                _T.Map(text, _T.List(text)),
                [any_],
                True,
                lambda v: urllib.parse.parse_qs(_url_part(v, "query"), keep_blank_values=True),
            ),
        ),
    ]


def _addresses() -> list[Any]:
    any_, text, flag = _MAP, _T.STRING, _T.BOOL
    return [
        _function("isIP", _overload("is_ip", flag, [text], False, _works(ipaddress.ip_address))),
        _function("ip", _overload("to_ip", any_, [text], False, _ip)),
        _function("family", _overload("ip_family", _T.INT, [any_], True, lambda v: _address(v).version)),
        _function("isLoopback", _overload("ip_loopback", flag, [any_], True, lambda v: _address(v).is_loopback)),
        _function("isUnspecified", _overload("ip_unspec", flag, [any_], True, lambda v: _address(v).is_unspecified)),
        _function("isCIDR", _overload("is_cidr", flag, [text], False, _works(_cidr))),
        _function("cidr", _overload("to_cidr", any_, [text], False, _cidr)),
        _function(
            "containsIP",
            _overload("cidr_ip", flag, [any_, any_], True, lambda n, a: _address(a) in _network(n)),
            _overload("cidr_ip_text", flag, [any_, text], True, lambda n, a: _address(a) in _network(n)),
        ),
        _function(
            "containsCIDR",
            _overload("cidr_cidr", flag, [any_, any_], True, _contains_cidr),
            _overload("cidr_cidr_text", flag, [any_, text], True, _contains_cidr),
        ),
        _function("prefixLength", _overload("cidr_prefix", _T.INT, [any_], True, lambda n: _network(n).prefixlen)),
    ]
