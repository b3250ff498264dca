"""What the processes without a REST API of their own answer: whether they can work, and their figures."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def readyz(problems: Callable[[], list[str]]) -> Route:
    """503 with the reasons while there are any."""

    async def answer(_: Request) -> Response:
        found = problems()
        headers = {"Retry-After": "1"} if found else None
        body = {"ready": not found, "problems": found}
        return JSONResponse(body, status_code=503 if found else 200, headers=headers)

    return Route("/readyz", answer)


def metrics(registry: CollectorRegistry) -> Route:
    async def answer(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", answer)
