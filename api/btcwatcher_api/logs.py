"""Structured logs: one JSON object a line on standard error, from our own code and from libraries alike.

No token, header, query string or body is ever given to a logger; a Strategy is named as `strategy`.
"""

import logging
import sys
import time
from typing import Any, Final

import structlog

_SHARED: Final[list[Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure(level: str = "INFO") -> None:
    """Set up logging for the whole process."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of every request or statement below WARNING.
    for name in ("sqlalchemy", "httpx", "kubernetes", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def get(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


class Throttle:
    """Says whether a repeated line may be logged again, so that a misconfigured sender cannot fill a disk."""

    def __init__(self, seconds: float = 10.0, keys: int = 4096) -> None:
        self._seconds = seconds
        self._keys = keys
        self._last: dict[object, tuple[float, int]] = {}

    def allows(self, key: object) -> int | None:
        """None: keep quiet. Otherwise how many lines of this key were kept quiet since the last one."""
        now = time.monotonic()
        last, quiet = self._last.get(key, (-self._seconds, 0))
        if now - last < self._seconds:
            self._last[key] = (last, quiet + 1)
            return None
        if len(self._last) >= self._keys:
            self._last.clear()
        self._last[key] = (now, 0)
        return quiet
