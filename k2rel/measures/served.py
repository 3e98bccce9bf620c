"""How many clients have a traffic class at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_name
from k2rel.errors import InputError, closest
from k2rel.exact.by_group import lost_clients
from k2rel.logic.rounding import at_most_one
from k2rel.measures.solution import StudyLike, framed, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.failover import principal_traffic
from k2rel.services.clients import LOST
from k2rel.services.counts import binomial_power
from k2rel.services.engine import Engine
from k2rel.services.modes import traffic_diagram

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["served"]

FloatArray = NDArray[np.float64]


def served(
    study: StudyLike, traffic: str | None = None, organisation: Organisation | None = None, *, method: str = "auto"
) -> pd.DataFrame:
    """Give the distribution of the number of clients that have a traffic class.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    traffic : str, optional
        A traffic class with a flow for each client; by default the principal one.

    Returns
    -------
    pandas.DataFrame
        Index ``clients``; ``probability`` that exactly so many are served, ``p_at_most`` that no more are.

    Raises
    ------
    InputError
        If there is no such class.

    Examples
    --------
    >>> served("L2R").index.tolist()
    [0, 1, 2, 3, 4]
    """
    import pandas as pd

    solution = solution_of(study, method, organisation)
    principal = principal_traffic(solution.study.site)
    wanted = principal if traffic is None else as_name("traffic", traffic)
    flows = [name for name, flow in solution.study.site.traffic.items() if flow.scope == "client"]
    if wanted not in flows:
        raise InputError(f"'{wanted[:60]}' is not a traffic class with a flow for each client{closest(wanted, flows)}")
    if solution.method == "exact":
        p = lost_clients(solution.study, (wanted,)).probability[::-1]
    elif solution.method == "markov":
        p = _in_modes(solution.engine, wanted)
    elif wanted == principal:
        p = solution.simulated.served()
    else:
        raise solution.cannot(f"the clients served with {wanted}", "exact or markov")
    frame = pd.DataFrame(
        {"probability": p, "p_at_most": np.append(at_most_one(np.cumsum(p[:-1])), 1.0)},
        index=pd.RangeIndex(len(p), name="clients"),
    )
    return framed(frame, solution)


def _in_modes(engine: Engine, traffic: str) -> FloatArray:
    """Distribution of the number of clients served, over the modes of the traffic."""
    site = engine.policy.site
    table = traffic_diagram(engine.policy, [traffic])
    total = np.zeros(site.client_count + 1)
    for weight, moment in engine.at_moments:
        shares = moment.mode_probabilities(table.diagram).tolist()
        for mode, share in zip(table.modes, shares, strict=True):
            counts = np.ones(1)
            for group, size in enumerate(site.group_sizes):
                found = moment.own.joint(group, [(traffic, mode.situations[0][group])])
                gone = sum(p for (route,), p in found.items() if route == LOST)
                there = sum(p for (route,), p in found.items() if route != LOST)
                # counted from the rarer side, so that its probability keeps its digits
                here = binomial_power(size, gone)[::-1] if gone < there else binomial_power(size, there)
                counts = np.convolve(counts, here)
            total += weight * share * counts
    return total
