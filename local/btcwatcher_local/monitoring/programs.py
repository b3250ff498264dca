"""Which programs of Prometheus are on this machine, and how they are started."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from btcwatcher_local.stack.layout import REPOSITORY

UNPACKED: Final = REPOSITORY / ".tools" / "monitoring"
"""Where the Makefile unpacks Debian's packages."""
ALERTMANAGER_NAMES: Final = ("prometheus-alertmanager", "alertmanager")
"""Debian's name, and its makers'."""
KEPT_DAYS: Final = 15
KEPT_MEGABYTES: Final = 512
"""On somebody's own machine: whichever limit comes first."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Those found; None for what is not there."""

    prometheus: Path | None
    alertmanager: Path | None

    @property
    def missing(self) -> str | None:
        """What is not there and what that means, as a sentence; None when all is there."""
        cure = "(`make monitoring` brings it where there is apt-get; or put it on the PATH)"
        if self.prometheus is None:
            return f"no prometheus here: alerts and figures of the past are left out {cure}"
        if self.alertmanager is None:
            return f"no alertmanager here: alerts are shown by Prometheus, but sent to nobody {cure}"
        return None


def find(*names: str, unpacked: Path = UNPACKED) -> Path | None:
    """The first of these programs that is unpacked or on the PATH."""
    for name in names:
        ours = unpacked / "usr" / "bin" / name
        if found := str(ours) if ours.exists() else shutil.which(name):
            return Path(found)
    return None


def find_all(unpacked: Path = UNPACKED) -> Programs:
    return Programs(find("prometheus", unpacked=unpacked), find(*ALERTMANAGER_NAMES, unpacked=unpacked))


def prometheus_command(program: Path, config: Path, data: Path, address: str) -> list[str]:
    return [
        str(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={KEPT_DAYS}d",
        f"--storage.tsdb.retention.size={KEPT_MEGABYTES}MB",
        f"--web.listen-address={address}",
    ]


def alertmanager_command(program: Path, config: Path, data: Path, address: str) -> list[str]:
    """To be started in `working_directory` of the program."""
    return [
        str(program),
        f"--config.file={config}",
        f"--storage.path={data}",
        f"--web.listen-address={address}",
        # Without an address for its cluster it is alone, and speaks to nobody.
        "--cluster.listen-address=",
    ]


def working_directory(program: Path) -> Path:
    """Debian's Alertmanager has its templates in files, which one that was unpacked finds from where it was."""
    return program.parents[2] if program.parts[-3:-1] == ("usr", "bin") else program.parent
