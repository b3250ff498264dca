"""`/docs`: the API's description to read and to try out, with nothing fetched from anywhere else.

All addresses are relative, so that it also works behind a proxy that adds a path. Swagger UI's files come from the
package fastapi-offline.
"""

import html
import json
from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response

from btcwatcher_api.problems import Problem

PATH: Final = "/docs"
_STATIC: Final = Path(fastapi_offline.__file__).parent / "static"
_FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_SCRIPT: Final = "start.js"
# The validator's badge would send the description to its maker.
_OPTIONS: Final = {
    "url": "openapi.json",
    "dom_id": "#swagger-ui",
    "deepLinking": True,
    "validatorUrl": None,
    "displayRequestDuration": True,
}
_POLICY: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""


def install(app: FastAPI) -> None:
    """Add the page and its files; made without FastAPI's own, which fetch theirs from a CDN."""

    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE.format(title=html.escape(app.title)), headers=_POLICY)

    async def file(name: str) -> Response:
        if name == _SCRIPT:
            return Response(f"window.ui = SwaggerUIBundle({json.dumps(_OPTIONS)});\n", media_type="text/javascript")
        if name not in _FILES:
            raise Problem(404, f"nothing is at this path; see {PATH}")
        return FileResponse(_STATIC / name, media_type=_FILES[name], headers={"Cache-Control": "max-age=3600"})

    app.add_api_route(PATH, page, include_in_schema=False, response_class=HTMLResponse)
    app.add_api_route(f"{PATH}/{{name}}", file, include_in_schema=False, response_class=Response)
