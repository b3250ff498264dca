"""The edge to a proxy: fetches the test URL through it."""

import asyncio
import time

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError

from btcwatcher_crds.conditions import ProxyReason
from btcwatcher_crds.proxy import ProxyTest
from btcwatcher_operator.proxies.outcome import Outcome
from btcwatcher_operator.proxies.url import UrlError, normal

_PROXY_AUTHENTICATION_REQUIRED = 407
_FIRST_REFUSAL = 400


async def fetch(url: str, test: ProxyTest) -> Outcome:
    """What came of it. No words of the proxy's or the libraries' are passed on: they can quote the URL."""
    try:
        connector = ProxyConnector.from_url(normal(url), rdns=True)
    except UrlError as error:
        return Outcome(ProxyReason.URL_INVALID, f"the Secret's value {error}")
    except ValueError:
        return Outcome(ProxyReason.URL_INVALID, "the Secret's value is not a URL")
    timeout = aiohttp.ClientTimeout(total=test.timeout_seconds)
    begun = time.monotonic()
    try:
        # trust_env stays off: the test goes through this proxy and no other.
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.get(test.url, allow_redirects=False) as answer,
        ):
            milliseconds = round((time.monotonic() - begun) * 1000)
            if answer.status >= _FIRST_REFUSAL:
                return _failed(f"{test.url} answered {answer.status} through the proxy")
            return Outcome(ProxyReason.TEST_PASSED, f"{test.url} answers through the proxy", milliseconds)
    except (ProxyTimeoutError, TimeoutError):
        return _failed(f"no answer from {test.url} through the proxy within {test.timeout_seconds} s")
    except ProxyConnectionError:
        return _failed("the proxy cannot be reached")
    except ProxyError as error:
        return _refused(error, test.url)
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
        return _failed(f"TLS with {test.url} fails through the proxy")
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError, ValueError):
        return _failed(f"the connection to {test.url} breaks in the proxy")


def _refused(error: ProxyError, url: str) -> Outcome:
    if error.error_code == _PROXY_AUTHENTICATION_REQUIRED or "authentication" in str(error).lower():
        return Outcome(ProxyReason.LOGIN_REFUSED, "the proxy refuses the user and password of its URL")
    if error.error_code is not None:
        return _failed(f"the proxy says that it cannot reach {url}")
    return _failed("what listens there does not speak the protocol of the proxy's URL")


def _failed(message: str) -> Outcome:
    return Outcome(ProxyReason.TEST_FAILED, message)
