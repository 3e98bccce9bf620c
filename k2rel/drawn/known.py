"""Whether there is failure data for everything in a graph, said by type and node before a site is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from k2rel.columns import counted
from k2rel.drawn.attributes import Drawing, named, shown_name
from k2rel.errors import InputError, Problem, closest
from k2rel.rates import registry
from k2rel.site.given import RATE_KEYS

__all__ = ["check_known"]


def check_known(
    drawing: Drawing, types: Mapping[str, Mapping[str, Any]], rates: str | Path | None, data: str | None
) -> None:
    """Refuse types that neither the graph, nor `types`, nor a table of rates has failure data for."""
    by_type: dict[str, tuple[list[str], list[str]]] = {}
    of_nodes = ((part.name, part.entry, 0) for part in drawing.parts.values())
    of_edges = ((link.name, link.entry, 1) for link in drawing.links if link.is_part)
    for name, entry, which in (*of_nodes, *of_edges):
        if not _says(entry) and not _says(types.get(str(entry.get("type")), {})):
            by_type.setdefault(str(entry.get("type")), ([], []))[which].append(name)
    if not by_type:
        return
    known = registry(rates, data=data).defaults
    problems = [
        Problem(
            f"there is no failure data for type '{shown_name(kind)}' of {_listed(nodes, edges)}; "
            f'give types={{"{shown_name(kind)}": {{"mttf": "60000 h", "mttr": "8 h"}}}} with your numbers, or mttf and '
            f"mttr in the graph{closest(kind, known)}",
            key="graph",
        )
        for kind, (nodes, edges) in by_type.items()
        if kind not in known
    ]
    if problems:
        raise InputError(problems)


def _says(entry: Mapping[str, Any]) -> bool:
    return any(entry.get(key) is not None for key in RATE_KEYS)


def _listed(nodes: list[str], edges: list[str]) -> str:
    told = ((nodes, "node"), (edges, "edge"))
    return " and ".join(f"{counted(len(names), what)}: {named(names)}" for names, what in told if names)
