"""Words of the contract as plain strings: its enums would bring pydantic, and a third of a second, into each command.

A test holds them against the contract.
"""

from typing import Final

RUNNING: Final = "Running"
PAUSED: Final = "Paused"
SUSPENDED: Final = "Suspended"
STATES: Final = (RUNNING, PAUSED, SUSPENDED)

LIVE: Final = "Live"
AUTO: Final = "Auto"
MANUAL: Final = "Manual"

READY: Final = "Ready"
CONFIG_DRIFT: Final = "ConfigDrift"
PROXY_HEALTHY: Final = "Healthy"

UPDATE_AVAILABLE: Final = "UpdateAvailable"
