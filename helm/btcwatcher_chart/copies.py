"""Files that the chart has a copy of, since helm reads nothing outside of a chart. They are data, not templates."""

from pathlib import Path


def copies(repository: Path) -> dict[Path, Path]:
    """Path within the chart -> the file it is a copy of."""
    manifests = repository / "manifests"
    dashboards = sorted((manifests / "monitoring/dashboards").glob("*.json"))
    return {
        Path("files/rules.yaml"): manifests / "monitoring/rules/btcwatcher.yaml",
        Path("files/live-needs-a-label.yaml"): manifests / "policies/live-needs-a-label.yaml",
        **{Path("files/dashboards") / dashboard.name: dashboard for dashboard in dashboards},
    }
