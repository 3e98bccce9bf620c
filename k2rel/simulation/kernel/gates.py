"""Structure functions as flat arrays of gates, for compiled loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.structure import Node, Structure

__all__: list[str] = []

IntArray = NDArray[np.int64]

# kinds of gates; a constant has its value, a shared part or controlled switch its place, the others their arguments
CONSTANT, SHARED, CONTROLLED, NOT, AND, OR, AT_LEAST, XOR, ITE = range(9)
_KINDS = {"not": NOT, "and": AND, "or": OR, "at_least": AT_LEAST, "xor": XOR, "ite": ITE}


class Gates(NamedTuple):
    """Gates, arguments before those that use them: kind, k of at-least, place of the arguments, their number."""

    gate: IntArray
    gate_k: IntArray
    gate_at: IntArray
    gate_n: IntArray
    argument: IntArray
    place: dict[Node, int]

    @property
    def arrays(self) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
        """All but the places of the nodes."""
        return self[:5]


def flattened(structure: Structure, roots: Sequence[Node], variable: Callable[[str], tuple[int, int, int]]) -> Gates:
    """Flatten what some functions need; `variable` gives kind, place and number of a variable."""
    nodes = structure.needed(roots)
    place = {node: n for n, node in enumerate(nodes)}
    rows: list[tuple[int, int, int, int]] = []
    arguments: list[int] = []
    for node in nodes:
        kind, parts, least, name = structure.gate(node)
        if kind == "variable":
            what, at, count = variable(name)
            rows.append((what, least, at, count))
        elif kind in ("true", "false"):
            rows.append((CONSTANT, least, 0, int(kind == "true")))
        else:
            rows.append((_KINDS[kind], least, len(arguments), len(parts)))
            arguments += [place[part] for part in parts]
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 4)
    gate, k, at_, n = (np.ascontiguousarray(table[:, column]) for column in range(4))
    return Gates(gate, k, at_, n, np.array(arguments, dtype=np.int64), place)
