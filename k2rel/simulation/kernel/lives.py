"""The lives of one part after each other, for its age at any time where repairs leave a share of it. Compiled."""

from __future__ import annotations

from k2rel.loops.compiled import compiled
from k2rel.simulation.kernel.draws import draw, start
from k2rel.simulation.kernel.layout import F1, F2, I1, W1

__all__: list[str] = []


@compiled
def lives(
    kind: I1, parameter: F2, at: I1, length: I1, grid: F1, rng: W1, kept: float, burn_in: int, begins: F1, ends: F1
) -> None:
    """Age at the beginning and at the end of each life, where a repair leaves a share of the age; law 0."""
    start(rng, 0, 0)
    age = 0.0
    for n in range(burn_in + len(begins)):
        failed = age + draw(kind, parameter, at, length, grid, 0, age, rng)
        if n >= burn_in:
            begins[n - burn_in], ends[n - burn_in] = age, failed
        age = kept * failed
