"""How often clients lose a path that they use while their flow goes on over others, and what that costs.

What is counted
    A path in use becomes unusable, by a shared part or by one of the client's own, and another one carries the flow.
    With the demand divided over several paths, one of them is enough: what is on its way over it waits.
Not counted
    A change in which a role moves that the class requires, prefers or names in ``when``: that is a takeover, whose
    switchover, or failure, is an interruption of the service already. A return to a better path. With a copy on each
    path, a change after which one of the copies goes on. A branch of a stage that another one takes over from: the
    network does that, not the client.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.logic.diagram import Diagram, compile_diagram
from k2rel.markov.engine import Dynamics
from k2rel.measures.engines import static_engine
from k2rel.measures.solution import Solution
from k2rel.organisation import Organisation
from k2rel.policy.rules import Policy
from k2rel.rates import Law
from k2rel.services.catalogue import SiteService
from k2rel.services.clients import OwnParts, OwnStates, Situation, own_states
from k2rel.services.engine import Engine
from k2rel.services.modes import deciding, groups_of, traffic_diagram
from k2rel.site.model import Site, Traffic
from k2rel.site.stages import names_in, role_in
from k2rel.studies import Study
from k2rel.units import HOURS_PER_YEAR

__all__ = [
    "COLUMNS",
    "PathFailovers",
    "client_path_changes",
    "path_failover_figures",
    "path_failover_notes",
    "path_failovers",
    "path_rules",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PATH_CHANGE_S = 15.0
"""Time that a change of path is taken to last where none is given: the usual link-down time of an iSCSI client."""

COLUMNS = (
    "path_failovers_per_year", "path_failovers_on_air_per_year", "path_failovers_bridged_per_year",
    "path_failover_min_per_year", "unsuccessful_path_failovers_per_year", "unsuccessful_path_failover_min_per_year",
    "client_path_failovers_per_year",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class PathFailovers:
    """Path failovers of the clients of one class, group by group.

    Changes of the shared parts hit several clients at once, each with a probability that its own parts decide; a
    client's own parts hit that client alone.
    """

    sizes: tuple[int, ...]
    change_per_h: FloatArray  # (changes of mode,)
    hit: FloatArray  # (changes of mode, groups): probability that one client of a group fails over
    own_per_h: FloatArray  # (groups,): of one client, by its own parts
    bound_per_h: float = 0.0  # on the error of every rate here of events of the site

    @property
    def client_per_h(self) -> FloatArray:
        """Rate for one client of each group [1/h]."""
        return np.asarray(self.change_per_h @ self.hit + self.own_per_h)

    @property
    def clients_per_h(self) -> float:
        """Rate over all clients [1/h]: one event that hits three of them counts three times."""
        return float(self.client_per_h @ np.array(self.sizes))

    def of_client(self, group: int) -> PathFailovers:
        """Those of one client alone."""
        one = slice(group, group + 1)
        return replace(self, sizes=(1,), hit=self.hit[:, one], own_per_h=self.own_per_h[one])

    def events_per_h(self, share: float = 1.0) -> float:
        """Rate of events in which at least one client fails over [1/h]; of those that each is with this probability."""
        sizes = np.array(self.sizes)
        with np.errstate(divide="ignore"):
            some = -np.expm1(np.maximum(np.log1p(-share * self.hit), -1e30) @ sizes)
        return float(self.change_per_h @ some + share * (self.own_per_h @ sizes))


@dataclass(frozen=True, slots=True)
class _Mode:
    """What decides a class: situations by group, which order of its paths is in force, and who holds its roles.

    Where patterns do not tell which paths can be used, by group the paths that can in each state of the own parts.
    """

    situations: tuple[Situation, ...]
    order: int
    held: tuple[bool, ...] = ()
    usable: tuple[tuple[frozenset[int], ...], ...] = ()


def _roles_of(site: Site, traffic: Traffic) -> list[str]:
    """Roles that can move and that a class asks for."""
    preferred = role_in(traffic.prefer)
    asked = [*traffic.requires, *([preferred] if preferred else [])]
    asked += [role for path in traffic.paths for role, _ in path.when]
    return [role for role in dict.fromkeys(asked) if role in site.movable]


def _crossed(policy: Policy, traffic: str) -> set[str]:
    """All that the paths of a class go over."""
    choices = [policy.choice(traffic, group) for group in groups_of(policy, traffic)]
    stages = [stage for choice in choices for route in choice.routes for stage in route.stages]
    return {name for stage in stages for name in names_in(stage)}


def _others_shut(policy: Policy, traffic: str) -> bool:
    """Whether the takeover of a role that a class does not ask for can put a server on its paths out of service."""
    crossed, asked = _crossed(policy, traffic), _roles_of(policy.site, policy.site.traffic[traffic])
    holders = [holder for role in policy.site.movable if role not in asked for holder in policy.holders(role)]
    return any(crossed & set(policy.servers(holder)) for holder in holders)


def _swaps(policy: Policy, traffic: str) -> bool:
    """Whether one event can take one path away and bring another one back, which patterns do not tell from a return.

    With such a takeover; and where roles are a function of the failed parts, by a part that a heartbeat needs as well
    as a path: a server whose loss is no longer seen is in service.
    """
    if _others_shut(policy, traffic):
        return True
    crossed = _crossed(policy, traffic) - policy.site.client_parts.keys()
    if policy.sticky or not crossed & set(policy.redundant_servers):
        return False
    needed = policy.structure.variables(policy.seen_by())
    return not set(needed).isdisjoint(policy.structure.variables([policy.works(name) for name in crossed]))


@lru_cache(maxsize=32)
def _modes(policy: Policy, traffic: str) -> tuple[Diagram, tuple[_Mode, ...]]:
    """Modes of a class that also tell who holds its roles."""
    roles = _roles_of(policy.site, policy.site.traffic[traffic])
    tell = _swaps(policy, traffic)
    if not roles and not tell:
        table = traffic_diagram(policy, [traffic])
        return table.diagram, tuple(_Mode(mode.situations[0], 0) for mode in table.modes)
    decides = deciding(policy, [traffic], with_shares=False)
    held = [node for role in roles for node in policy.held(role)]
    diagram = compile_diagram(policy.structure, [*decides, *held])
    states, groups = own_states(policy), groups_of(policy, traffic)
    orders = [when for when, _ in policy.choice(traffic).orders]
    works = {name: states.works[:, place] for place, name in enumerate(states.names)}

    def label(outcome: Hashable) -> _Mode:
        assert isinstance(outcome, tuple)
        truth = dict(zip([*decides, *held], outcome, strict=True))
        found = tuple(states.situation(traffic, group, truth) for group in groups)
        order = next((place for place, when in enumerate(orders) if truth[when]), -1)
        choices = [policy.choice(traffic, group) for group in groups] if tell else []
        usable = tuple(choice.usable(truth, works, len(states.works)) for choice in choices)
        return _Mode(found, order, outcome[len(decides) :], usable)

    labels = [label(outcome) for outcome in diagram.outcomes]
    return diagram.merged(labels), tuple(dict.fromkeys(labels))


@lru_cache(maxsize=16)
def path_failovers(engine: Engine, traffic: str) -> PathFailovers:
    """Follow every change of mode of one class, and the clients' own parts in every mode."""
    policy = engine.policy
    diagram, modes = _modes(policy, traffic)
    sizes = policy.site.group_sizes
    situation = np.array([mode.situations for mode in modes], dtype=np.int64)
    order = np.array([mode.order for mode in modes], dtype=np.int64)
    _, held = np.unique(np.array([mode.held for mode in modes], dtype=np.bool_), axis=0, return_inverse=True)
    held = held.reshape(-1)
    rates, hits = [np.zeros(0)], [np.zeros((0, len(sizes)))]
    own_per_h = np.zeros(len(sizes))
    for weight, moment in engine.at_moments:
        moves, share = moment.crossings(diagram), moment.mode_probabilities(diagram)
        stays = held[moves.before] == held[moves.after]
        before, after = moves.before[stays], moves.after[stays]
        hit = np.column_stack([_hit(moment.own, traffic, group, modes, before, after) for group in range(len(sizes))])
        some = hit.any(axis=1)
        rates.append(weight * moves.rate_per_h[stays][some])
        hits.append(hit[some])
        for group in range(len(sizes)):
            by_own = _by_own(moment.own, traffic, group, order, situation[:, group])
            own_per_h[group] += weight * float(share @ by_own)
    return PathFailovers(
        sizes, np.concatenate(rates), np.concatenate(hits), own_per_h, _bound_per_h(engine, traffic, diagram)
    )


def _fails_over(
    states: OwnStates,
    traffic: str,
    group: int,
    order: int,
    before: int,
    after: int,
    usable: frozenset[int] | None = None,
) -> bool:
    """Whether going from one outcome of a client to another is a path failover."""
    used, then = (states.pattern(traffic, group, outcome) for outcome in (before, after))
    return states.policy.choice(traffic, group).fails_over(used, then, order, usable)


def _hit(
    own: OwnParts, traffic: str, group: int, modes: Sequence[_Mode], before: IntArray, after: IntArray
) -> FloatArray:
    """Probability that one client of a group fails over in each change of mode."""
    result = np.zeros(len(before))
    known: dict[Hashable, float] = {}
    for place, (one, other) in enumerate(zip(before.tolist(), after.tolist(), strict=True)):
        old, new = modes[one], modes[other]
        usable = new.usable[group] if new.usable else None
        case = (old.order, old.situations[group], new.situations[group], usable)
        if case not in known:
            known[case] = _hit_by(own, traffic, group, *case)
        result[place] = known[case]
    return result


def _hit_by(
    own: OwnParts,
    traffic: str,
    group: int,
    order: int,
    before: Situation,
    after: Situation,
    usable: tuple[frozenset[int], ...] | None,
) -> float:
    """The same for one change of situation."""
    if order < 0 or (before == after and usable is None):
        return 0.0
    if usable is None:
        outcomes = own.joint(group, [(traffic, before), (traffic, after)])
        hit = sum(p for (old, new), p in outcomes.items() if _fails_over(own.states, traffic, group, order, old, new))
    else:
        pairs = (own.states.outcomes(traffic, group, situation).tolist() for situation in (before, after))
        by_state = zip(*pairs, usable, own.probability.tolist(), strict=True)
        hit = sum(
            p for old, new, there, p in by_state if _fails_over(own.states, traffic, group, order, old, new, there)
        )
    return min(hit, 1.0)


def _by_own(own: OwnParts, traffic: str, group: int, order: IntArray, situation: IntArray) -> FloatArray:
    """Rate at which one client of a group fails over by its own parts in each mode [1/h]."""
    cases, where = np.unique(np.column_stack([order, situation]), axis=0, return_inverse=True)
    found = np.zeros(len(cases))
    for place, (by, one) in enumerate(cases.tolist()):
        if by >= 0:
            found[place] = sum(
                rate
                for ((old,), (new,)), rate in own.moves(group, [(traffic, one)]).items()
                if _fails_over(own.states, traffic, group, by, old, new)
            )
    return np.asarray(found[where.reshape(-1)])


def _bound_per_h(engine: Engine, traffic: str, diagram: Diagram) -> float:
    """Bound on the error of the rate of events of the site; 0 where the engine is exact, nan where none can be given.

    Probabilities differ by the bound for shares at most, and in no state can more be counted than fails; what leads
    out of the states that are followed is missing. A server that the takeover of a role which the class does not ask
    for may shut down is no failure: nothing is known of how often in states that are not followed.
    """
    if not isinstance(engine, Dynamics):
        return 0.0
    study, policy, states = engine.study, engine.policy, engine.states
    if states.share_bound == 0.0 and engine.test_bound == 0.0:
        return 0.0
    site = study.site
    most = sum(law.failure_rate_per_h * site.count_of(name) for name, law in study.client_laws.items())
    for name in diagram.variables:
        if name in site.raid_sets or name in site.components or name in site.cause_events:
            law = study.law(name)
            parts, each = (law.parts, law.single) if isinstance(law, Law) else (law.drives, law)
            most += parts * each.failure_rate_per_h
    if states.takeover is not None:
        if _others_shut(policy, traffic):
            return math.nan
        most += len(policy.redundant_servers) / engine.organisation.maintenance_every_h
    return (states.share_bound + engine.test_bound) * most + states.left_per_h


def path_failover_figures(solution: Solution, service: SiteService, buffer_h: float) -> dict[str, float]:
    """Columns of `interruptions` on path failovers; not a number where none are counted for a service.

    A failover that succeeds takes its given time. One that fails, each client's by itself with probability 1 -
    coverage, lasts until a person helps, who helps all clients of one event together.
    """
    traffic = solution.study.site.traffic.get(service.of)
    if solution.method == "simulation" or traffic is None or service.rule not in ("every client", "one client"):
        return dict.fromkeys(COLUMNS, math.nan)
    if traffic.failover_h <= 0:
        return dict.fromkeys(COLUMNS, math.nan)
    found = path_failovers(solution.engine, traffic.id)
    if service.rule == "one client":
        found = found.of_client(service.group)
    manual_h, finds = _who(solution).manual_takeover_h, traffic.failover_coverage
    seen = finds * (traffic.failover_h > buffer_h) + (1.0 - finds) * math.exp(-buffer_h / manual_h)
    every, by_itself, unsuccessful, on_air = (
        found.events_per_h(share) * HOURS_PER_YEAR for share in (1.0, finds, 1.0 - finds, seen)
    )
    values = (
        every, on_air, max(0.0, every - on_air), by_itself * traffic.failover_h * 60, unsuccessful,
        unsuccessful * manual_h * 60, found.clients_per_h * HOURS_PER_YEAR,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _who(solution: Solution) -> Organisation:
    """Who helps, also where the engine needs nobody."""
    return solution.asked or solution.followed


def path_failover_notes(solution: Solution) -> list[str]:
    """Say of each class with path failovers what they come to, and that no availability has them."""
    result = []
    for name, traffic in solution.study.site.traffic.items():
        if traffic.failover_h <= 0 or traffic.scope != "client":
            continue
        if solution.method == "simulation":
            result.append(
                f"{name}: path failovers of clients are not in the availability, and not counted in histories; method "
                "exact counts them with ideal takeovers, markov as modelled where there is a chain"
            )
            continue
        found = path_failovers(solution.engine, name)
        bound = found.bound_per_h * HOURS_PER_YEAR
        how_well = " (no bound on the error)" if math.isnan(bound) else f" (error bound {bound:.1e})" if bound else ""
        result.append(
            f"{name}: path failovers are not part of the availability: "
            f"{found.events_per_h() * HOURS_PER_YEAR:.3g} per year{how_well}; "
            f"{_for_each(found, traffic, _who(solution))}"
        )
    return result


def _for_each(found: PathFailovers, traffic: Traffic, who: Organisation) -> str:
    """What the path failovers of a class come to for each client, in words."""
    yearly = found.clients_per_h * HOURS_PER_YEAR / sum(found.sizes)
    finds, time_h = traffic.failover_coverage, traffic.failover_h
    words = (
        f"{yearly:.3g} per client and year while no role moves, at {time_h * 3600:.3g} s each "
        f"{yearly * finds * time_h * 60:.2g} min/year"
    )
    if finds < 1:
        lost = yearly * (1.0 - finds)
        out = lost * who.manual_takeover_h * 60
        words += f", and {lost:.2g} per year with downtime until operator action, {out:.2g} min/year"
    return words


def path_rules(study: Study, who: Organisation) -> list[tuple[str, str, str, str, str]]:
    """Rows of the register of assumptions on changes of path: what they take, and what no availability has of them."""
    rows = []
    for name, found in client_path_changes(study).items():
        traffic = study.site.traffic[name]
        if not found.clients_per_h > 0:
            continue
        if traffic.failover_h > 0:
            value = f"{traffic.failover_h * 3600:g} s, with probability {traffic.failover_coverage:g}"
            said = "interruptions of their own, left out of the availability: " + _for_each(found, traffic, who)
        else:
            value, given = "takes no time", replace(traffic, failover_h=PATH_CHANGE_S / 3600, failover_coverage=1.0)
            said = f"left out: {_for_each(found, given, who)}; path_failover of the class says how long one takes"
        rows.append((f"rule: {name} path change of a client", value, "ENGINE", said, ""))
    return rows


def client_path_changes(study: Study) -> dict[str, PathFailovers]:
    """Changes of path of each class that has several, with roles at the preferred side.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> found = client_path_changes(study("L2R"))["media"]
    >>> round(float(found.client_per_h[0]) * 8760, 6)
    0.000879
    """
    site, engine = study.site, static_engine(study)
    classes = [name for name, traffic in site.traffic.items() if traffic.scope == "client" and len(traffic.paths) > 1]
    return {name: path_failovers(engine, name) for name in classes}
