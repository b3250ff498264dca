"""Errors as the rest of our APIs has them, and with the field `error`, where FreqUI looks for a bot's reason. Pure."""

import json

from aiohttp import web

from btcwatcher_api.problems import MEDIA_TYPE, Problem


def answer(problem: Problem, request_id: str) -> web.Response:
    document = json.loads(problem.body(request_id))
    document["error"] = problem.detail
    return web.Response(
        body=json.dumps(document).encode(),
        status=problem.status,
        headers=dict(problem.headers),
        content_type=MEDIA_TYPE,
    )
