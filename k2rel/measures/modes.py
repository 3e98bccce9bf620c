"""Operating modes: which there are, and how they share the year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from k2rel.measures.solution import Solution, StudyLike, framed, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.controls import NOTHING
from k2rel.policy.failover import principal_traffic
from k2rel.policy.rules import Policy
from k2rel.services.clients import own_states
from k2rel.services.modes import Mode, traffic_diagram
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModeWords", "mode_flows", "mode_rows", "mode_words", "modes"]

FloatArray = NDArray[np.float64]


class ModeWords(str):
    """A mode in words, with what it says as data: pictures ask the data, never the words.

    Examples
    --------
    >>> ModeWords("3 by A, 1 cut off", {"A": 3, None: 1}, ("A", "B")).cut_off
    1
    """

    clients: Mapping[str | None, int]
    sides: tuple[str, ...]

    def __new__(cls, words: str, clients: Mapping[str | None, int], sides: tuple[str, ...]) -> ModeWords:
        """Make a text that keeps its data."""
        result = super().__new__(cls, words)
        result.clients, result.sides = clients, sides
        return result

    @property
    def side(self) -> str | None:
        """The side that serves every client; None where there is none."""
        return next(iter(self.clients)) if len(self.clients) == 1 else None

    @property
    def cut_off(self) -> int:
        """How many clients are cut off."""
        return self.clients.get(None, 0)


def sides_in_use(policy: Policy, mode: Mode) -> Iterator[tuple[tuple[str, ...], int]]:
    """Sides that the clients of each group use, and how many clients that are."""
    principal = principal_traffic(policy.site)
    for group, size in enumerate(policy.site.group_sizes):
        pattern = own_states(policy).usual(principal, group, mode.situations[0][group])
        routes = policy.choice(principal, group).routes
        used = {routes[route].carried_by for route, _ in pattern.uses}
        yield tuple(side for side in policy.site.sides if side in used), size


def mode_words(policy: Policy, mode: Mode) -> ModeWords:
    """Say in words how a mode serves the clients.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> policy = study("L1").policy
    >>> sorted({mode_words(policy, mode) for mode in traffic_diagram(policy, ["media"]).modes})
    ['every client by A', 'every client cut off']
    """
    sides: dict[str | None, int] = {}
    for used, size in sides_in_use(policy, mode):
        where = " and ".join(used) or None
        sides[where] = sides.get(where, 0) + size
    ordered = sorted(sides.items(), key=lambda item: (item[0] is None, item[0] or ""))
    said = [
        ("every client " if len(sides) == 1 else f"{n} ") + ("cut off" if where is None else f"by {where}")
        for where, n in ordered
    ]
    return ModeWords(", ".join(said), sides, policy.site.sides)


def mode_flows(
    study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto"
) -> tuple[list[ModeWords], FloatArray, FloatArray]:
    """List the operating modes with their probabilities and how often each is left for each other one.

    Parameters
    ----------
    study, organisation, method
        As for `availability`; with takeovers as modelled, modes also say where the roles are and what waits.

    Returns
    -------
    tuple of (list of ModeWords, array of float, array of float)
        Modes in words (with the number of clients by side), their probabilities, and rates from row to column [1/h].

    Examples
    --------
    >>> words, p, flow = mode_flows("L1")
    >>> words, p.round(5).tolist(), flow.shape
    (['every client cut off', 'every client by A'], [0.00037, 0.99963], (2, 2))
    """
    solution = solution_of(study, method, organisation)
    if solution.method == "simulation":
        raise solution.cannot("modes and the changes between them", "exact or markov")
    engine, site = solution.engine, solution.study.site
    policy = engine.policy
    table = traffic_diagram(policy, [principal_traffic(site)])
    diagram = table.diagram.merged([mode_words(policy, mode) for mode in table.modes])
    told = [outcome for outcome in diagram.outcomes if isinstance(outcome, ModeWords)]
    if not policy.sticky:
        moves = engine.crossings(diagram)
        flow = np.zeros((diagram.modes, diagram.modes))
        np.add.at(flow, (moves.before, moves.after), moves.rate_per_h)
        return told, engine.mode_probabilities(diagram), flow
    dynamics = solution.dynamics
    states, takeover = dynamics.states, dynamics.states.takeover
    assert takeover is not None
    kinds, kind = np.unique(dynamics.modes(diagram) * takeover.controls + states.control, return_inverse=True)
    kind = kind.reshape(-1).astype(np.int64)
    p = dynamics.probability
    flow = dynamics.flows_between(kind, len(kinds))
    placed = [takeover.words(control) for control in range(takeover.controls)]
    words = [
        told[mode]
        if placed[control] == NOTHING
        else ModeWords(f"{told[mode]}; {placed[control]}", told[mode].clients, site.sides)
        for mode, control in zip(*divmod(kinds, takeover.controls), strict=True)
    ]
    return words, np.bincount(kind, weights=p, minlength=len(kinds)).astype(np.float64), flow


def modes(study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto") -> pd.DataFrame:
    """List the operating modes of the principal traffic with their share of the time.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.

    Returns
    -------
    pandas.DataFrame
        Most probable first: ``mode`` in words, ``probability``, ``hours_per_year``, ``entries_per_year``,
        ``mean_stay_h``, ``cut_off`` (clients without service); modes that serve every group in the same way are one.

    Examples
    --------
    >>> modes("L2R", method="exact")["mode"].iloc[0]
    'every client by A'
    """
    import pandas as pd

    solution = solution_of(study, method, organisation)
    return framed(pd.DataFrame(mode_rows(solution)), solution)


def mode_rows(solution: Solution) -> list[dict[str, Any]]:
    """Rows of `modes`."""
    words, probability, flow = mode_flows(solution)
    entries = flow.sum(axis=0)
    stays = np.divide(probability, entries, out=np.full(len(words), np.inf), where=entries > 0)
    rows = [
        {
            "mode": str(word),
            "probability": p,
            "hours_per_year": p * HOURS_PER_YEAR,
            "entries_per_year": entry * HOURS_PER_YEAR,
            "mean_stay_h": stay,
            "cut_off": word.cut_off,
        }
        for word, p, entry, stay in zip(words, probability.tolist(), entries.tolist(), stays.tolist(), strict=True)
    ]
    return sorted(rows, key=lambda row: -row["probability"])
