"""How many clients a level carries: with nothing failed, after a failure, after takeovers, and on average over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_names, as_number, as_whole
from k2rel.errors import InputError, K2relError
from k2rel.measures.capacity import single_failures
from k2rel.measures.delivered import overload_by_mode
from k2rel.measures.load import overload_of
from k2rel.measures.solution import Solution, StudyLike, one_reading, solution_of
from k2rel.organisation import Organisation
from k2rel.policy import Policy
from k2rel.policy.failover import failover, principal_traffic
from k2rel.policy.used import ElementLoad
from k2rel.services.clients import own_states
from k2rel.services.loading import Loading
from k2rel.services.modes import groups_of
from k2rel.site.read import SiteLike, as_sites
from k2rel.studies import Study, studies_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["most_clients", "overload_after_takeover"]


def most_clients(
    levels: Sequence[SiteLike] | SiteLike,
    bit_rates: Sequence[str] | str,
    *,
    most: int = 40,
    bound: float = 1e-3,
    takeover_bound: float = 0.01,
    settings: Mapping[str, str] | None = None,
    data: str | None = None,
    method: str = "auto",
    organisation: Organisation | None = None,
) -> pd.DataFrame:
    """Find how many clients levels carry, each client asking for a bit rate of its principal traffic.

    Parameters
    ----------
    levels : sequence of str or pathlib.Path
        Levels by name, site files, or sites.
    bit_rates : sequence of str
        Demand of one client, such as ``"50 Mb/s"``.
    most : int
        Largest number of clients that is tried.
    bound : float
        Largest accepted share of time in which anything is overloaded by the traffic that counts in full service.
    takeover_bound : float
        Largest accepted probability that something is overloaded after a takeover (`overload_after_takeover`).
    settings : mapping of str to str, optional
        Changes by hand, applied where a level has that type or part.
    data : str, optional
        Version of the bundled data; by default the current one.
    method, organisation
        As for `availability`: who answers for ``within_bound`` and ``after_takeover``.

    Returns
    -------
    pandas.DataFrame
        For each level and ``bit_rate`` the most clients with ``nothing_failed``, ``after_one_failure`` (any one that
        leaves every client its service), ``within_bound`` and
        ``after_takeover``; what would be overloaded first with one client more
        after a failure (``limited_by``, ``after_failure_of``); ``method``, ``takeovers`` (one reading for all) and
        ``why_empty`` (why a number is missing). Where a number is `most`, more may be possible; 0: not
        even one. More clients never mean less load on an element, so halving finds the number.

    Raises
    ------
    InputError
        If a level or bit rate cannot be read, or a number is out of range.

    Examples
    --------
    >>> most_clients(["L2R"], ["25 MB/s"], most=10)["after_one_failure"].tolist()
    [8]
    """
    import pandas as pd

    most = as_whole("most", most, 1, 1000)
    for which, given in (("bound", bound), ("takeover_bound", takeover_bound)):
        if not 0 <= as_number(which, given) < 1:
            raise InputError(f"{which}: a probability from 0 to below 1, got {given:g}")
    rows = []
    plain = studies_of(levels, settings=settings, data=data)  # a setting goes where a level has that type
    for level, (name, study) in zip(as_sites("levels", levels), plain.items(), strict=True):
        demand = f"{principal_traffic(study.site)}.demand"
        for rate in as_names("bit_rates", bit_rates):
            get = cache(partial(_with_clients, level, {**dict(study.site.changed), demand: rate}, data))
            ask = cache(lambda count, get=get: solution_of(get(count), method, organisation))
            rows.append({"level": name, "bit_rate": rate} | _carried(get, ask, most, bound, takeover_bound))
    if rows and not any(row["method"] for row in rows):
        raise rows[0]["refused"][0]
    columns = [
        "level",
        "bit_rate",
        "nothing_failed",
        "after_one_failure",
        "within_bound",
        "after_takeover",
        "limited_by",
        "after_failure_of",
        "method",
        "takeovers",
        "why_empty",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(takeovers=one_reading(frame["takeovers"]))


def _with_clients(level: SiteLike, settings: Mapping[str, str], data: str | None, count: int) -> Study:
    (study,) = studies_of([level], clients=count, settings=settings, data=data).values()
    return study


def _carried(
    get: Callable[[int], Study], ask: Callable[[int], Solution], most: int, bound: float, takeover_bound: float
) -> dict[str, Any]:
    """Columns of `most_clients` from the study with each number of clients, and who answers for it."""
    normal = carried_normally(get, most)
    after = clients_carried(get, normal)
    element, failed = (_first_overload(get(after + 1)) if after < most else None) or ("–", "–")
    found = {"nothing_failed": normal, "after_one_failure": after, "limited_by": element, "after_failure_of": failed,
             "within_bound": math.nan, "after_takeover": math.nan, "method": "", "takeovers": "",
             "why_empty": ""}  # fmt: skip
    asked = {
        "within_bound": lambda count: overload_of(ask(count)) <= bound,
        "after_takeover": lambda count: overload_after_takeover(ask(count)) <= takeover_bound,
    }
    refused: dict[str, K2relError] = {}
    empty = []
    if not get(max(1, normal)).site.movable:
        del asked["after_takeover"]
        empty.append("after a takeover: no role can move")
    for name, holds in asked.items():
        try:
            answered = ask(max(1, normal))
            found |= {name: _largest(normal, holds), "method": answered.method, "takeovers": answered.takeovers}
        except K2relError as error:
            refused[str(error)] = error
    return found | {"why_empty": "; ".join([*refused, *empty]), "refused": list(refused.values())}


def clients_carried(get: Callable[[int], Study], most: int) -> int:
    """Most clients that nothing overloads for: nothing failed, or any one failure that leaves every client its service.

    With nothing failed comes first, where each number is one case and not one for each part.
    """
    return _largest(carried_normally(get, most), lambda count: _first_overload(get(count)) is None)


def carried_normally(get: Callable[[int], Study], most: int) -> int:
    """Most clients that nothing overloads for with nothing failed."""
    return _largest(most, lambda count: _overloaded(get(count), None) is None)


def overload_after_takeover(
    study: StudyLike, organisation: Organisation | None = None, *, method: str = "auto"
) -> float:
    """Give the probability that something is overloaded, once the principal traffic has moved to another route.

    Parameters
    ----------
    study, organisation, method
        As for `availability`; a simulation does not say it.

    Returns
    -------
    float
        Of the time in which some group of clients uses another route than in normal state, and every group has one, the
        share in which anything is above its capacity. 0 where traffic cannot move.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> [round(overload_after_takeover(study("L2R", clients=number)), 3) for number in (8, 9)]
    [0.0, 1.0]
    """
    solution = solution_of(study, method, organisation)
    if solution.method == "simulation":
        raise solution.cannot("the load after takeovers", "exact or markov")
    engine = solution.engine
    loading = Loading(engine.policy, foreground=True)
    states = own_states(engine.policy)
    place = loading.table.classes.index(loading.principal)
    # of the rules with roles at the preferred side: in a chain, who has a role is a variable of its own
    normal = _normal_routes(solution.study.policy, loading.principal)
    moved = overloaded = 0.0
    for weight, moment in engine.at_moments:
        probabilities = weight * moment.mode_probabilities(loading.table.diagram)
        for mode, probability in zip(loading.table.modes, probabilities.tolist(), strict=True):
            used = [
                states.usual(loading.principal, group, situation).uses
                for group, situation in enumerate(mode.situations[place])
            ]
            if all(used) and any(now != usual for now, usual in zip(used, normal, strict=True)):
                moved += probability
                overloaded += probability * overload_by_mode(loading, moment.own, mode)
    return overloaded / moved if moved else 0.0


def _normal_routes(policy: Policy, traffic: str) -> list[tuple[tuple[int, float], ...]]:
    """The routes that each group of clients uses while nothing has failed."""
    states, result = own_states(policy), []
    for group in groups_of(policy, traffic):
        truth = policy.structure.truth(policy.choice(traffic, group).deciding, {})
        result.append(states.usual(traffic, group, states.situation(traffic, group, truth)).uses)
    return result


def _largest(most: int, holds: Callable[[int], bool]) -> int:
    """Largest number up to `most` that holds, 0 where none does; what holds for more holds for less."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = most if low == 0 and high == most + 1 else (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def _overloaded(study: Study, part: str | None) -> str | None:
    """The element that is most above its capacity; None where none is, or the service is lost anyway."""
    outcome = failover(study.policy, [] if part is None else [part])
    if part is not None and not outcome.services[outcome.principal]:
        return None
    over = [item for item in outcome.loads if item.ends_full_service]
    return max(over, key=lambda item: above(item)).element if over else None


def above(item: ElementLoad) -> float:
    """How many times its capacity an element is asked for; infinite where it has none."""
    return item.counted_mb_s / item.capacity_mb_s if item.capacity_mb_s > 0 else math.inf


def _first_overload(study: Study) -> tuple[str, str] | None:
    """What is overloaded after which single failure, nothing failed first."""
    element = _overloaded(study, None)
    if element is not None:
        return element, "nothing"
    for (part,) in single_failures(study.site)[1:]:
        element = _overloaded(study, part)
        if element is not None:
            return element, part
    return None
