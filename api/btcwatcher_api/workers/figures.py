"""The figures of several workers as one exposition: each series once a worker, told apart by the label `worker`."""

from collections.abc import Mapping


def merged(expositions: Mapping[int, str]) -> str:
    """Prometheus' text format, each family in one piece as it must be. Sum over `worker` for the replica's figure."""
    families: dict[str, list[str]] = {}
    for number, exposition in sorted(expositions.items()):
        family: list[str] = []
        for line in exposition.splitlines():
            if line.startswith("# HELP "):
                name = line.split(" ", 3)[2]
                known = name in families
                family = families.setdefault(name, [])
                if not known:
                    family.append(line)
            elif line.startswith("#"):
                if line not in family:
                    family.append(line)
            elif line:
                family.append(_labelled(line, number))
    return "".join(f"{line}\n" for family in families.values() for line in family)


def _labelled(sample: str, number: int) -> str:
    brace, space = sample.find("{"), sample.find(" ")
    if 0 <= brace < space:
        return f'{sample[: brace + 1]}worker="{number}",{sample[brace + 1 :]}'
    return f'{sample[:space]}{{worker="{number}"}}{sample[space:]}'
