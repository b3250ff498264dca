"""`/docs` works on a machine that reaches nothing but the API."""

import re
from urllib.parse import urljoin

import pytest

from support.api import Api

pytestmark = pytest.mark.integration

_FOREIGN = re.compile(r"https?:|//[a-z]")


async def test_the_page_and_all_it_needs_come_from_the_api(served: Api) -> None:
    page = await served.http.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not _FOREIGN.search(page.text)
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(needed) == 4
    for address in needed:
        file = await served.http.get(urljoin("/docs", address))
        assert file.status_code == 200, address
        assert file.content
    start = (await served.http.get("/docs/start.js")).text
    assert not _FOREIGN.search(start)
    # The badge of Swagger's validator would send the description away.
    assert '"validatorUrl": null' in start
    assert '"url": "openapi.json"' in start
    assert (await served.http.get("/openapi.json")).status_code == 200
    styles = (await served.http.get("/docs/swagger-ui.css")).text
    assert not re.search(r"url\(\s*['\"]?https?:", styles)
    assert "@import" not in styles


async def test_the_browser_is_told_to_load_nothing_else(served: Api) -> None:
    policy = (await served.http.get("/docs")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "script-src 'self';" in policy


@pytest.mark.parametrize("path", ["/docs/other.js", "/docs/..%2fapp.py", "/docs/redoc.standalone.js", "/redoc"])
async def test_nothing_else_is_served(served: Api, path: str) -> None:
    answer = await served.http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
