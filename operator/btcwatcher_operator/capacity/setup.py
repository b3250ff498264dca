"""What is set of capacity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from btcwatcher_crds.pod_requests import Requests
from btcwatcher_operator.capacity.advice import NodeType

_CATALOGUE = TypeAdapter(tuple[NodeType, ...])


@dataclass(frozen=True, slots=True)
class Setup:
    seconds: float
    """From one reading to the next."""
    bot: Requests
    """What a bot is counted with while there is none."""
    exchange_budget: Mapping[str, int]
    catalogue: Sequence[NodeType]
    forecast_days: int
    prometheus_url: str
    """Empty: none is asked."""
    prometheus_token_file: Path | None


def catalogue(path: Path | None) -> tuple[NodeType, ...]:
    """Node types by their file. Raises OSError, or ValueError naming file and field."""
    if path is None:
        return ()
    name = f"BTCWATCHER_NODE_TYPES_FILE {path}"
    try:
        found = _CATALOGUE.validate_python(yaml.safe_load(path.read_text()) or [])
    except yaml.YAMLError as error:
        raise ValueError(f"{name}: is no YAML: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{name}: {where or 'the whole'}: {first['msg']}") from error
    doubles = {one.name for one in found if sum(other.name == one.name for other in found) > 1}
    if doubles:
        raise ValueError(f"{name}: {min(doubles)} is there twice")
    return found
