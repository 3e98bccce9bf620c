"""The workstation cluster: two sides of N workstations, a switch each, a backbone, one repair unit.

B. Haverkort, H. Hermanns, J.-P. Katoen, "On the use of model checking techniques for dependability evaluation",
SRDS 2000; written here as events of `k2rel.ctmc.explore`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.explore import Event, StateSpace, explore

Columns = Mapping[str, NDArray[np.int64]]


def cluster(n: int) -> StateSpace:
    """Build the chain for n workstations a side; rates per hour."""
    variables = {"left": (n, n), "left_served": (0, 1), "right": (n, n), "right_served": (0, 1), "busy": (0, 1)}
    for part in ("line", "to_left", "to_right"):
        variables |= {part: (1, 1), f"{part}_served": (0, 1)}
    events = []

    def add(part: str, full: int, fails_per_h: float, repairs_per_h: float) -> None:
        served = f"{part}_served"

        def failing(s: Columns) -> NDArray[Any]:
            return s[part] * fails_per_h

        def inspecting(s: Columns) -> NDArray[Any]:
            return np.where((s[served] == 0) & (s[part] < full) & (s["busy"] == 0), 10.0, 0.0)

        def repairing(s: Columns) -> NDArray[Any]:
            return np.where((s[served] == 1) & (s[part] < full) & (s["busy"] == 1), repairs_per_h, 0.0)

        events.append(Event(f"{part} fails", failing, {part: -1}))
        events.append(Event(f"inspect {part}", inspecting, {served: 1, "busy": 1}))
        events.append(Event(f"repair {part}", repairing, {served: -1, part: 1, "busy": -1}))

    add("left", n, 1 / 500, 2.0)
    add("right", n, 1 / 500, 2.0)
    add("to_left", 1, 1 / 4000, 0.25)
    add("to_right", 1, 1 / 4000, 0.25)
    add("line", 1, 1 / 5000, 0.125)
    return explore(variables, events)


def quality(space: StateSpace, wanted: int) -> NDArray[np.bool_]:
    """Say where at least so many workstations are connected: on the left, on the right, or over the backbone."""
    s = space.columns
    left = (s["left"] >= wanted) & (s["to_left"] == 1)
    right = (s["right"] >= wanted) & (s["to_right"] == 1)
    together = (s["left"] + s["right"] >= wanted) & (s["to_left"] == 1) & (s["line"] == 1) & (s["to_right"] == 1)
    return np.asarray(left | right | together)


FACT: dict[int, tuple[int, int, float]] = {
    2: (276, 1120, 3.84664376371542e-05),
    16: (10132, 48160, 0.000354911139680838),
    128: (597012, 2908192, 0.00206210890650584),
    256: (2373652, 11583520, 0.00303444802406804),
}
"""By n: states, transitions, probability of less than premium quality; exact rationals, sparse LU, Gauss-Seidel."""
