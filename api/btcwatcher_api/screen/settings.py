"""Every setting of `btcwatcher-api screen`, from the environment (`BTCWATCHER_...`)."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from btcwatcher_api.addresses import TrustedProxies
from btcwatcher_api.bots import BotAccess
from btcwatcher_api.settings import variable


class ScreenSettings(BotAccess):
    """What `screen` needs."""

    frequi_dir: Path
    """Folder with FreqUI's built files: that of freqtrade's official image, a release of FreqUI, or `vite build`."""
    screen_url: str = ""
    """How the screen is reached from outside, as `https://frequi.example.com`; with https its cookie is sent over TLS
    only. Empty: as it is asked, and the cookie over plain HTTP too."""
    screen_icons: bool = True
    """Whether browsers may fetch the icons of FreqUI's buttons, which are not among its files, from api.iconify.design,
    as FreqUI has it; without them some buttons are blank. Nothing else is fetched from elsewhere."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 in a container."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8006
    """Port to listen on; 0 takes a free one."""
    metrics_host: str = "127.0.0.1"
    """Address on which /metrics, /healthz and /readyz are served, which are not for the browser."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 8007
    """Port on which they are served; 0 takes a free one."""
    namespaces: str = ""
    """Namespaces whose bots are shown, separated by commas; empty: all."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    trusted_proxies: str = ""
    """As `serve` has it: whose X-Forwarded-For is believed when sign-in attempts are counted."""
    screen_session_hours: Annotated[float, Field(ge=0.01, le=720)] = 12.0
    """A sign-in ends after this; changing the password or deactivating the user ends it at once."""
    screen_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 18.0
    """How long a bot may take to begin its answer; below the 20 s after which FreqUI gives up by itself."""
    screen_bot_connections: Annotated[int, Field(ge=1, le=64)] = 8
    """Requests that one bot is asked at the same time; what comes on top waits."""

    @field_validator("screen_url")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or value.rstrip("/") != f"{parts.scheme}://{parts.netloc}"):
            raise ValueError("must be https://host or http://host, without a path")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        TrustedProxies(value)
        return value

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.port and self.port == self.metrics_port:
            raise ValueError(f"{variable('port')} and {variable('metrics_port')} must differ")
        return self

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return self.screen_url.startswith("https://")

    @property
    def session_lifetime(self) -> timedelta:
        return timedelta(hours=self.screen_session_hours)
