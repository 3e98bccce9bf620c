"""A Markov chain written apart from the project's own: states found by following moves, solved by plain numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["State", "steady_apart"]

State = tuple[Any, ...]


def steady_apart(
    first: State,
    moves: Callable[[State], Iterable[tuple[State, float]]],
    settle: Callable[[State], Iterable[tuple[State, float]]],
) -> tuple[list[State], NDArray[np.float64], list[tuple[int, int, float]]]:
    """Give the states, their steady probabilities, and the transitions between them (from, to, rate per hour).

    `moves` gives the states that one leads to, with rates; `settle` what follows from each at once, with shares.
    """
    states = [first]
    place: dict[State, int] = {first: 0}
    edges = []
    for state in states:
        for raw, rate in moves(state):
            for after, share in settle(raw):
                if after not in place:
                    place[after] = len(states)
                    states.append(after)
                edges.append((place[state], place[after], rate * share))
    q = np.zeros((len(states), len(states)))
    for before, to, rate in edges:
        q[before, to] += rate
        q[before, before] -= rate
    p = np.linalg.solve(np.vstack([q.T[:-1], np.ones(len(states))]), np.append(np.zeros(len(states) - 1), 1.0))
    return states, p, edges
