"""Writes dashboards down as TypeScript that compiles only where Grafana's own types (npm's @grafana/schema) fit."""

import json
import subprocess
from pathlib import Path
from typing import Final

from support.dashboards import Object
from support.kubectl import REPOSITORY

TOOL: Final = REPOSITORY / ".tools" / "grafana"
COMPILER: Final = TOOL / "node_modules" / ".bin" / "tsc"
MISSING: Final = "no compiler for Grafana's types: `make test` brings it where there is npm"

# Panel type -> module of its types, what its options are, what its `custom` is.
_PANELS: Final = {
    "bargauge": ("BarGauge", "Options", "{}"),
    "stat": ("Stat", "Options", "{}"),
    "state-timeline": ("StateTimeline", "Options", "FieldConfig"),
    "table": ("Table", "Options", "Partial<FieldConfig>"),
    "text": ("Text", "Options", "{}"),
    "timeseries": ("TimeSeries", "Options", "FieldConfig"),
}

# JSON has the words where TypeScript has enums; and a panel's options are typed by its kind, not in Panel.
_HEAD: Final = """
import type {Dashboard, Panel} from '@grafana/schema';
type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? {[K in keyof T]: Plain<T[K]>} : T;
type Fields = NonNullable<Panel['fieldConfig']>;
type Shown<Options, Custom> = Plain<Omit<Panel, 'options' | 'fieldConfig'>> & {
  options?: Plain<Partial<Options>>;
  fieldConfig?: {
    defaults: Plain<Omit<Fields['defaults'], 'custom'>> & {custom?: Plain<Custom>};
    overrides: Plain<Fields['overrides']>;
  };
};
"""


def errors(boards: dict[str, Object], folder: Path) -> list[str]:
    """What the compiler has to say, a line each; nothing is good."""
    lines = [_HEAD, *(_import(*panel) for panel in _PANELS.items())]
    for board in boards.values():
        frame = {key: value for key, value in board.items() if key != "panels"}
        lines.append(f"({json.dumps(frame)}) satisfies Plain<Omit<Dashboard, 'panels'>>;")
        for panel in board["panels"]:
            lines.append(f"// {board['uid']} / {panel['title']}")
            lines.append(f"({json.dumps(panel)}) satisfies {_shown(panel['type'])};")
    (folder / "boards.ts").write_text("\n".join(lines))
    (folder / "node_modules").symlink_to(TOOL / "node_modules")
    options = {"strict": True, "noEmit": True, "target": "es2022", "module": "esnext", "moduleResolution": "bundler",
               "skipLibCheck": True, "types": []}  # fmt: skip
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["boards.ts"]}))
    done = subprocess.run([COMPILER, "-p", "."], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return (done.stdout + done.stderr).splitlines()


def _import(kind: str, panel: tuple[str, str, str]) -> str:
    name = kind.replace("-", "")
    types = f"./node_modules/@grafana/schema/dist/esm/raw/composable/{name}/panelcfg/x/{panel[0]}PanelCfg_types.gen"
    return f"import type * as {name} from '{types}';"


def _shown(kind: str) -> str:
    name = kind.replace("-", "")
    _, options, custom = _PANELS[kind]
    custom = custom.replace("FieldConfig", f"{name}.FieldConfig")
    return f"Shown<{name}.{options}, {custom}>"
