"""The custom resources' definitions as templates of the chart: crds/*.yaml with the values that switch them."""

from pathlib import Path

_HEADER = """{{- if .Values.crds.enabled }}
# Rendered from crds/ by `make chart`: change the types, not this file.
"""
_METADATA = """  labels:
    {{- include "btcwatcher.labels" (dict "root" $ "component" "crds") | nindent 4 }}
  {{- $policy := ternary (dict "helm.sh/resource-policy" "keep") (dict) .Values.crds.keep }}
  {{- with merge $policy .Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
"""
_FOOTER = "{{- end }}\n"


def crd_templates(repository: Path) -> dict[Path, str]:
    """Path within the chart -> text."""
    return {
        Path("templates/crds") / file.name: _template(file) for file in sorted((repository / "crds").glob("*.yaml"))
    }


def _template(file: Path) -> str:
    """Raises ValueError for what does not begin as crds/ does."""
    # A description may hold what helm would take for its own.
    lines = [line.replace("{{", '{{ "{{" }}') for line in file.read_text().splitlines(keepends=True)]
    body = [line for line in lines if not line.startswith("#")]
    if [line.split(":")[0] for line in body[2:5]] != ["metadata", "  name", "spec"]:
        raise ValueError(f"{file}: does not begin with apiVersion, kind, metadata.name and spec")
    return "".join((_HEADER, *body[:4], _METADATA, *body[4:], _FOOTER))
