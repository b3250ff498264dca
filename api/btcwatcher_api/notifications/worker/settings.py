"""Every setting of `btcwatcher-api worker`, from the environment (`BTCWATCHER_...`)."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from btcwatcher_api.notifications.senders.networks import FORBIDDEN, Network, networks_of
from btcwatcher_api.settings import ServiceSettings, variable


class WorkerSettings(ServiceSettings):
    """What `worker` needs."""

    namespaces: str = ""
    """Namespaces whose NotificationChannels are served, separated by commas; empty: all. Give all workers the same."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8002
    """Port on which they are served; 0 takes a free one."""
    log_level: str = "INFO"
    """DEBUG shows every message."""

    worker_slots: Annotated[int, Field(ge=1, le=256)] = 32
    """P0 messages that may be on their way at the same time; of P1 and of P2 half as many each."""
    worker_slots_per_channel: Annotated[int, Field(ge=1, le=64)] = 8
    """How many of them to one channel, so that a slow one does not hold up the others."""
    worker_timeout_seconds: Annotated[float, Field(ge=0.5, le=120)] = 15.0
    """How long a vendor may take to answer."""
    worker_lease_seconds: Annotated[float, Field(ge=2, le=3600)] = 60.0
    """For how long a claimed delivery is this worker's: should it be killed, another one sends it after this."""
    worker_oldest_hours: Annotated[float, Field(gt=0, le=720)] = 24.0
    """What could not be sent for so long is not sent any more."""
    worker_forbidden_networks: str = ", ".join(FORBIDDEN)
    """Networks that nothing is sent to, whatever a channel or its Secret says, separated by commas: those of clouds'
    metadata, and link-local ones. Add those of pods and services where users of channels shall not reach them; empty:
    none."""

    @field_validator("worker_forbidden_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks_of(value)
        return value

    @model_validator(mode="after")
    def _lease_outlasts_a_message(self) -> Self:
        if self.worker_lease_seconds < 2 * self.worker_timeout_seconds:
            raise ValueError(
                f"{variable('worker_lease_seconds')} must be at least twice {variable('worker_timeout_seconds')}:"
                " otherwise another worker sends again what is still on its way"
            )
        return self

    @property
    def forbidden_networks(self) -> tuple[Network, ...]:
        return networks_of(self.worker_forbidden_networks)

    @property
    def timeout(self) -> timedelta:
        return timedelta(seconds=self.worker_timeout_seconds)

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.worker_lease_seconds)

    @property
    def oldest(self) -> timedelta:
        return timedelta(hours=self.worker_oldest_hours)
