"""How long to wait before the API server is asked again."""

import itertools
import random
from collections.abc import Iterator


class EndlessBackoff:
    """Delays in seconds, doubling to half a minute, without end: a network error never ends the operator."""

    def __iter__(self) -> Iterator[float]:
        for exponent in itertools.count():
            yield min(0.1 * 2.0 ** min(exponent, 10), 30.0) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
