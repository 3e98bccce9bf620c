"""What causes the downtime: contribution of every part, single points of failure, minimal cut sets."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from k2rel.arguments import as_whole
from k2rel.errors import InputError, ModelTooLargeError
from k2rel.exact.engine import derivatives, slopes_of_tested, unavailability
from k2rel.logic.cutsets import minimal_cut_sets as minimal_sets
from k2rel.logic.function import compile_function
from k2rel.logic.structure import Node
from k2rel.measures.availability import service_named
from k2rel.measures.role_causes import assumption_causes, part_causes
from k2rel.measures.role_causes import downtime_split as split_by_part_and_mode
from k2rel.measures.solution import StudyLike, framed, solution_of, study_of
from k2rel.measures.worth import Worth, importances, law_slopes, worth
from k2rel.organisation import Organisation
from k2rel.rates import Law, RaidModule, moments_of
from k2rel.services.catalogue import site_services
from k2rel.services.diagrams import Service
from k2rel.services.whole import function_of
from k2rel.site.model import Site
from k2rel.studies import Study
from k2rel.units import MINUTES_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CutSet",
    "assumption_importance",
    "causes",
    "cut_set_table",
    "cut_sets",
    "downtime_split",
    "importance",
    "minimal_cut_sets",
    "single_points_of_failure",
]

_MOST_GROUPS = 32
_MOST_SETS = 200_000


@dataclass(frozen=True, slots=True)
class CutSet:
    """A minimal set of failures that takes a service away."""

    parts: tuple[str, ...]  # a RAID set stands for the loss of more drives than it bears
    order: int  # physical parts that fail
    alike: int  # sets of this kind: of other clients of the group, of other drives
    probability: float  # that all are down at once; of one set of the kind, of a RAID set all drives together


def causes(
    study: StudyLike, service: str | None = None, organisation: Organisation | None = None, *, method: str = "auto"
) -> pd.DataFrame:
    r"""Say what each part contributes to the downtime of a service.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    service : str, optional
        The service; by default the principal traffic.

    Returns
    -------
    pandas.DataFrame
        Index ``part``, largest contribution first; ``type``, ``side``, ``unavailability``, ``birnbaum``
        :math:`B_i = \partial U/\partial q_i`, ``share`` (criticality importance :math:`q_i B_i / U`),
        ``downtime_min_per_year`` (that share of the downtime, the improvement potential), ``raw`` (risk
        achievement worth :math:`U(q_i = 1)/U`), ``rrw`` (risk reduction worth :math:`U/U(q_i = 0)`), ``dif``
        (diagnostic importance :math:`q_i U(q_i = 1)/U`, of parts that are tested on the same days the mean of that
        product: how probable it is that the part has failed when the service is down), ``slope_rate_h``
        (:math:`\partial U/\partial\lambda_i` [h]) and ``slope_mttr_min_per_year`` (downtime for each hour that
        the restoration takes longer [min/year/h]). A client part is one row for all clients: ``birnbaum`` and
        ``slope_...`` are sums over them (so up to their number), raw and rrw are given for the service of one client
        only, and slopes of RAID sets are not. Shares of parts that are
        needed together count the same downtime twice, so they can add up to more than 1.

    Raises
    ------
    InputError
        If there is no such service.

    Notes
    -----
    Z. W. Birnbaum 1969; criticality importance and worths as in Rausand, Barros and Høyland, "System
    Reliability Theory", 3rd edition, chapter 7; with :math:`q = \lambda D/(1 + \lambda D)`,
    :math:`dq/d\lambda = D(1-q)^2`.

    Examples
    --------
    >>> causes("L2R").index[0]
    'software_A'
    """
    solution = solution_of(study, method, organisation)
    if solution.method == "simulation":
        raise solution.cannot("the causes of the downtime", "exact or markov")
    if solution.method == "markov":
        dynamics = solution.dynamics
        frame = part_causes(dynamics, service_named(solution.study, service, dynamics.policy))
    else:
        frame = _exact_causes(solution.study, service_named(solution.study, service))
    return framed(frame, solution)


def assumption_importance(
    study: StudyLike, service: str | None = None, organisation: Organisation | None = None, *, method: str = "auto"
) -> pd.DataFrame:
    """List the effect of each coverage, takeover time, operator time and rate inside a RAID set on the downtime.

    Parameters
    ----------
    study, service, organisation, method
        As for `causes`; by the chain.

    Returns
    -------
    pandas.DataFrame
        Index ``assumption``, largest elasticity first; ``value``, ``unit``, ``slope_min_per_year`` (downtime for each
        unit more), ``elasticity`` (relative change of the downtime over that of the value, to first order).

    Examples
    --------
    >>> assumption_importance("L2R", "media")["elasticity"].round(1).head(2).to_dict()
    {'file_system coverage[server_software]': -2.7, 'manual takeover': 0.8}
    """
    solution = solution_of(study, method, organisation).chain
    dynamics = solution.dynamics
    return framed(assumption_causes(dynamics, service_named(solution.study, service, dynamics.policy)), solution)


def downtime_split(
    study: StudyLike,
    service: str | None = None,
    organisation: Organisation | None = None,
    *,
    by: str = "part",
    method: str = "auto",
) -> pd.DataFrame:
    r"""Split the downtime of a service by what the roles are doing, for each part or for each operating mode.

    Parameters
    ----------
    study, service, organisation, method
        As for `causes`; by the chain.
    by : {"part", "mode"}
        By mode the rows add up to the downtime. By part they are :math:`\lambda_i\,\partial U/\partial\lambda_i`, to
        first order, and add up to the downtime times the mean number of failures that a loss takes.

    Returns
    -------
    pandas.DataFrame
        Index ``part`` or ``mode``; ``takeover_in_progress_min_per_year``, ``failed_takeover_min_per_year``,
        ``no_backup_min_per_year``, ``no_takeover_helps_min_per_year``, and their sum ``downtime_min_per_year``.

    Examples
    --------
    >>> downtime_split("L2R", "media", by="mode")["downtime_min_per_year"].sum().round(2)
    np.float64(35.67)
    """
    if by not in ("part", "mode"):
        raise InputError(f"by: 'part' or 'mode', got '{str(by)[:40]}'")
    solution = solution_of(study, method, organisation).chain
    dynamics = solution.dynamics
    frames = split_by_part_and_mode(dynamics, service_named(solution.study, service, dynamics.policy))
    return framed(frames[by == "mode"], solution)


def _exact_causes(study: Study, found: Service) -> pd.DataFrame:
    """Importances from the derivatives of the diagram."""
    u = unavailability(study, found)
    slope, tested = derivatives(study, found), slopes_of_tested(study, found)
    site = study.site
    rows = []
    for name, birnbaum in {**slope.shared, **slope.client}.items():
        own = name in slope.client
        law = study.client_laws[name] if own else study.law(name)
        part, together = slope.critical[name], slope.together[name]
        # what supposes one part moved alone stands only where one part is meant
        lost = (u + birnbaum - part, together) if not own or found.scope == "client" else None
        by = tested.get(name) or ((math.nan, math.nan) if isinstance(law, RaidModule) else law_slopes(law, birnbaum))
        rows.append(worth(site, name, Worth(law.unavailability, birnbaum, part, lost, by), u))
    return importances(site, rows)


def _together(laws: Sequence[Law | RaidModule]) -> float:
    """Probability that all of some parts are down at once; those that are tested on the same days go together."""
    found = moments_of({str(n): law for n, law in enumerate(laws) if isinstance(law, Law)})
    product = np.ones(len(found.weight))
    for n, law in enumerate(laws):
        product = product * found.unavailability.get(str(n), law.unavailability)
    return float(found.weight @ product)


def _function(study: Study, service: str) -> Node:
    """The structure function of a service; of clients of a group the first stands for all."""
    policy, site = study.policy, study.site
    if service in site.traffic:
        if site.traffic[service].scope == "client":
            return policy.structure.conjunction(
                policy.served(service, place, group.clients[0]) for place, group in enumerate(site.groups)
            )
        return policy.served(service, 0, 0)
    if service in site.roles and site.roles[service].is_service:
        return policy.role_up(service)
    return function_of(policy, next(listed for listed in site_services(site) if listed.name == service))


def _first_alike(site: Site, cut: Sequence[str]) -> frozenset[str]:
    """Of the sets that differ only in which clients of a group they name, the one that names the first of them."""
    failed: dict[tuple[int, int], list[str]] = {}
    group_of = {number: place for place, group in enumerate(site.groups) for number in group.clients}
    for name in cut:
        if name in site.own_parts:
            part, number = site.own_parts[name]
            failed.setdefault((group_of[number], number), []).append(part)
    named: dict[str, str] = {}
    taken: Counter[int] = Counter()
    for (group, number), parts in sorted(failed.items(), key=lambda item: (-len(item[1]), sorted(item[1]))):
        first = site.groups[group].clients[taken[group]]
        taken[group] += 1
        named |= {site.client_part_id(number, part): site.client_part_id(first, part) for part in parts}
    return frozenset(named.get(name, name) for name in cut)


def cut_sets(study: StudyLike, service: str | None = None, order: int = 2) -> list[CutSet]:
    """List the minimal cut sets of a service up to an order.

    Parameters
    ----------
    study : Study
    service : str, optional
        A traffic class (lost when any client loses it), a client's service, a role, full service (not whole: a
        flow is lost, or what it crosses overloaded), or the loss of several clients; by default the principal traffic.
    order : int
        The largest order, 1 to 6.

    Returns
    -------
    list of CutSet
        Lower order first, more probable first within an order. Sets that differ only in which clients of a group
        they name are listed once, with their number.

    Raises
    ------
    InputError
        If there is no such service, or the order is out of range.
    ModelTooLargeError
        If there are too many sets, or too many clients to follow one by one.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> [cut.parts for cut in cut_sets(study("L2R"), "media", 1)]
    [('raid_chassis',)]
    """
    order = as_whole("order", order, 1, 6)
    study = study_of(study)
    site = study.site
    found = service_named(study, service)
    of_site = found.name in site.roles or (found.name in site.traffic and site.traffic[found.name].scope == "site")
    if found.scope == "site" and not of_site and site.group_count > _MOST_GROUPS:
        raise ModelTooLargeError(
            f"cut sets of {found.name} of {site.name} are not listed for {site.group_count} groups of clients at once; "
            "ask for those of one client's service"
        )
    function = compile_function(study.policy.structure, _function(study, found.name), failures=True)
    laws = {name: study.law(name) for name in function.variables}
    weights = {
        # what never fails stands in no cut set: it counts more than any that is asked for
        name: order + 1 if law.failure_rate_per_h == 0 else law.missing_for_loss if isinstance(law, RaidModule) else 1
        for name, law in laws.items()
    }
    sets = minimal_sets(function, order=order, weights=weights)
    if (count := sum(sets.count_by_order.values())) > _MOST_SETS:
        raise ModelTooLargeError(
            f"{found.name} of {site.name} has {count:,} cut sets up to order {order}, of which at most "
            f"{_MOST_SETS:,} are listed; ask for a lower order or use fewer clients"
        )
    alike = Counter(_first_alike(site, cut) for cut, _ in sets.smallest(np.ones(len(function.variables))))
    one_for_all = found.scope == "site" and found.name in site.traffic
    result = []
    for names, number in alike.items():
        cut = tuple(sorted(names, key=function.variables.index))
        for name in cut:
            law = laws[name]
            if isinstance(law, RaidModule):
                number *= math.comb(law.drives, law.missing_for_loss)
        # `_function` lets the first client of each group stand for all of it
        clients = [site.own_parts[name][1] for name in cut if name in site.own_parts]
        if clients and one_for_all:
            number *= next(len(group.clients) for group in site.groups if clients[0] in group.clients)
        order_of = sum(weights[name] for name in cut)
        result.append(CutSet(cut, order_of, number, _together([laws[name] for name in cut])))
    return sorted(result, key=lambda cut: (cut.order, -cut.probability, cut.parts))


def single_points_of_failure(study: StudyLike, service: str | None = None) -> list[CutSet]:
    """List the parts whose single failure takes a service away.

    Parameters
    ----------
    study : Study
    service : str, optional
        As for `cut_sets`.

    Returns
    -------
    list of CutSet
        Sets of one part, most probable first.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> single_points_of_failure(study("L2"), "media")[0].parts
    ('software_A',)
    """
    return cut_sets(study, service, 1)


def cut_set_table(study: StudyLike, service: str | None = None, order: int = 2) -> pd.DataFrame:
    """Give the minimal cut sets of a service as a table.

    Parameters
    ----------
    study, service, order
        As for `cut_sets`.

    Returns
    -------
    pandas.DataFrame
        ``cut_set`` in words, ``order``, ``equivalent_cut_sets`` (how many such sets), ``probability`` (of one client's,
        or of all drives of a RAID set), ``downtime_min_per_year`` (all alike together, to first order).

    Examples
    --------
    >>> from k2rel.studies import study
    >>> cut_set_table(study("L2R"))["order"].max()
    np.int64(2)
    """
    import pandas as pd

    study = study_of(study)
    raids = study.laws.raid
    rows = []
    for cut in cut_sets(study, service, order):
        words = [
            f"any {raids[name].missing_for_loss} of the {raids[name].drives} drives of {name}"
            if name in raids
            else name
            for name in cut.parts
        ]
        drives = math.prod(math.comb(raids[n].drives, raids[n].missing_for_loss) for n in cut.parts if n in raids)
        minutes = cut.probability * (cut.alike // drives) * MINUTES_PER_YEAR
        rows.append((" + ".join(words), cut.order, cut.alike, cut.probability, minutes))
    frame = pd.DataFrame(
        rows, columns=["cut_set", "order", "equivalent_cut_sets", "probability", "downtime_min_per_year"]
    )
    return framed(frame, solution_of(study, "exact"))


# what the field calls the same
importance, minimal_cut_sets = causes, cut_sets
