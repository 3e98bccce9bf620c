"""Downtime of windows at many draws of the inputs: the chain of each draw, with its own steady state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.accumulated import Accumulated, accumulated
from k2rel.inputs import Factors
from k2rel.markov.engine import Dynamics
from k2rel.measures.availability import service_named
from k2rel.measures.draws import chain_for_draws
from k2rel.measures.solution import Solution
from k2rel.memory import check_each

__all__ = ["WindowsAtDraws", "windows_at_draws"]

FloatArray = NDArray[np.float64]

_ACCURACY = 1e-3


@dataclass(frozen=True, eq=False)
class WindowsAtDraws:
    """What a service does in a window, at each draw."""

    mean_h: FloatArray  # (draws,)
    above: FloatArray  # (draws, times): probability of more downtime than each time


def windows_at_draws(
    solution: Solution, service: str, window_h: float, times_h: Sequence[float], factors: Factors, draws: int
) -> WindowsAtDraws:
    """Follow the chain of each draw through a window."""
    fine = solution.chain.dynamics
    drawn = chain_for_draws(fine)
    each = 8.0 * (len(factors) + drawn.rows + 3 * (1 + len(times_h)))
    check_each(draws, each, f"draws of a window, with {len(times_h)} downtimes each,")
    rough = drawn.dynamics
    found = service_named(solution.study, service, rough.policy)
    inside = rough.down(found)
    mean, above = np.empty(draws), np.empty((draws, len(times_h)))
    for draw, (chain, probability) in enumerate(drawn.chains(factors, draws)):
        spent = accumulated(chain, probability, inside, window_h, _ACCURACY)
        mean[draw], above[draw] = spent.mean_h, spent.longer_than(times_h)[0]
    best, same = (_at_point(dynamics, service, window_h) for dynamics in (fine, rough))
    mean *= best.mean_h / same.mean_h if same.mean_h > 0 else 1.0
    here, there = best.longer_than(times_h)[0], same.longer_than(times_h)[0]
    above *= np.divide(here, there, out=np.ones(len(times_h)), where=there > 0)
    return WindowsAtDraws(mean, np.minimum(above, 1.0))


def _at_point(dynamics: Dynamics, service: str, window_h: float) -> Accumulated:
    found = service_named(dynamics.study, service, dynamics.policy)
    states = dynamics.states
    return accumulated(states.chain, states.solution.probability, dynamics.down(found), window_h, _ACCURACY)
