"""`python -m btcwatcher_chart.render REPOSITORY` writes what the chart has from elsewhere; `make test` compares."""

import sys
from pathlib import Path

from btcwatcher_chart.copies import copies
from btcwatcher_chart.crds import crd_templates
from btcwatcher_chart.limits import LIMITS
from btcwatcher_chart.readme import readme
from btcwatcher_chart.schema import schema, to_json
from btcwatcher_chart.values import read

CHART = Path("helm/btc-watcher")


def rendered(repository: Path) -> dict[Path, str]:
    """Path within the repository -> text of every rendered file."""
    values = read((repository / CHART / "values.yaml").read_text())
    copied = {CHART / within: source.read_text() for within, source in copies(repository).items()}
    crds = {CHART / within: text for within, text in crd_templates(repository).items()}
    text = (repository / "helm/btcwatcher_chart/README.in.md").read_text()
    return {
        CHART / "values.schema.json": to_json(schema(values, LIMITS)),
        CHART / "README.md": readme(text, values, LIMITS),
        **copied,
        **crds,
    }


def written(repository: Path) -> set[Path]:
    """The files that are there now and nobody else's."""
    folders = (repository / CHART / "files", repository / CHART / "templates/crds")
    return {old.relative_to(repository) for folder in folders for old in folder.rglob("*") if old.is_file()}


def main() -> None:
    repository = Path(sys.argv[1])
    files = rendered(repository)
    for old in written(repository):
        if old not in files:
            (repository / old).unlink()
    for path, text in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(text)


if __name__ == "__main__":
    main()
