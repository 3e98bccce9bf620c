"""The mode of a state: a diagram followed from its root by the parts that work and by where the roles are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.diagram import Diagram
from k2rel.logic.structure import BoolArray
from k2rel.policy.takeover import Takeover

__all__ = ["modes_followed"]

IntArray = NDArray[np.int64]


def modes_followed(
    takeover: Takeover | None, diagram: Diagram, parts: Mapping[str, BoolArray], part_state: IntArray, control: IntArray
) -> IntArray:
    """Mode of each state: `parts` says which work in each state of the parts, those not among them do in all."""
    from k2rel.markov.joint_kernels import followed

    switches = takeover.variables(np.arange(takeover.controls)) if takeover else {}
    rows = max((len(works) for works in parts.values()), default=int(part_state.max(initial=0)) + 1)
    up = np.ones(rows, dtype=np.bool_)
    fixed: list[BoolArray] = []
    moving: list[BoolArray] = []
    place: list[int] = []
    for name in diagram.variables:
        if name in switches:
            moving.append(switches[name])
            place.append(-len(moving))
        else:
            place.append(len(fixed))
            fixed.append(parts.get(name, up))
    works = np.column_stack([up, *fixed]).astype(np.uint8)[:, 1:].copy()
    controls = np.ones(takeover.controls if takeover else 1, dtype=np.bool_)
    placed = np.column_stack([controls, *moving]).astype(np.uint8)[:, 1:].copy()
    found: IntArray = followed(
        diagram.level, diagram.up, diagram.down, diagram.root, diagram.modes, works, placed,
        np.array(place, dtype=np.int64), part_state, control,
    )  # fmt: skip
    return found
