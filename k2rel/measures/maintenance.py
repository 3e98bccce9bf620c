"""Planned work: what taking parts out costs, in which order, together or not, and what a year of it adds."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.outlook import ahead
from k2rel.ctmc.transient import over_time
from k2rel.doing import doing
from k2rel.errors import InputError
from k2rel.markov.engine import followed_policy, solved
from k2rel.markov.places import Places
from k2rel.markov.starts import Start
from k2rel.measures.availability import availability
from k2rel.measures.importance import causes
from k2rel.measures.maintenance_result import Maintenance, OrderOfWorks, Pair, WorkCost, Worth
from k2rel.measures.must_not_fail import Losses
from k2rel.measures.risk import chain_asked, check_fails, named_solution
from k2rel.measures.solution import Solution, StudyLike, solution_of
from k2rel.organisation import Organisation
from k2rel.policy.controls import OUT
from k2rel.policy.failover import principal_traffic
from k2rel.policy.present import present_of
from k2rel.rates import Law
from k2rel.services.diagrams import services_of
from k2rel.studies import study as study_from
from k2rel.units import HOURS_PER_YEAR, MINUTES_PER_YEAR

__all__ = ["Work", "maintenance"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_AFTER_H = 24.0  # for how long after a work what it has left is followed
_LONGEST_H = 720.0
MOST_WORKS = 5


@dataclass(frozen=True, slots=True)
class Work:
    """A part that is taken out for a time, once or every so often."""

    part: str
    for_h: float
    every_h: float = math.inf


def maintenance(
    study: StudyLike,
    works: Sequence[Work] | Work,
    organisation: Organisation | None = None,
    *,
    within_h: float = math.inf,
    not_back: float = 0.0,
    method: str = "auto",
) -> Maintenance:
    """Say what planned work costs: its own interruption, the risk while redundancy is gone, and what comes after.

    Parameters
    ----------
    study, organisation, method
        As for `availability`.
    works : sequence of Work or Work
        Parts that are taken out, each for a time; at most five.
    within_h : float
        Length of the window in which a work has to be done [h].
    not_back : float
        Probability that a part does not come back and has to be repaired.

    Returns
    -------
    Maintenance
        For each work what it costs; the best order; which two may be done together; a year's plan.

    Raises
    ------
    InputError
        If there is no such part, a time is none, or the works are too many.

    Notes
    -----
    A part that is taken out is as one that has failed, but is back after just that time; then operators who are there
    place servers in service. Costs are those of the work and the 24 h after it, less what is lost as long without it.

    Examples
    --------
    >>> found = maintenance("L2R", Work("switch_A", 2.0))
    >>> round(found.works[0].own_min, 2), found.works[0].down_meanwhile
    (3.71, ('ftp',))
    """
    solution = solution_of(study, method, organisation)
    asked = [works] if isinstance(works, Work) else list(works)
    with doing("following planned work"):
        return _Plan(solution, _checked(solution, asked, within_h, not_back), within_h, not_back).result()


def _checked(solution: Solution, works: Sequence[Work], within_h: float, not_back: float) -> list[Work]:
    if not 1 <= len(works) <= MOST_WORKS:
        raise InputError(f"works: 1 to {MOST_WORKS} at a time, got {len(works)}")
    if not 0.0 <= not_back <= 1.0:
        raise InputError(f"not_back: a probability from 0 to 1, got {not_back:g}")
    if not within_h > 0:
        raise InputError(f"within: a time above 0, got {within_h:g} h")
    result: list[Work] = []
    for work in works:
        present = present_of(solution.study.site, work.part)
        check_fails(solution.study, present)
        (part,) = present.failed
        if part in [other.part for other in result]:
            raise InputError(f"{part} is named twice; give the duration of its outage once")
        if not 0.0 < work.for_h <= _LONGEST_H:
            raise InputError(f"{part}: a work takes more than 0 and at most {_LONGEST_H:g} h, got {work.for_h:g} h")
        if work.for_h > within_h:
            raise InputError(
                f"{part}: a work of {work.for_h:g} h does not fit into a window of {within_h:g} h; a shorter work or a "
                "longer window is needed"
            )
        if not work.every_h > work.for_h:
            raise InputError(
                f"{part}: every {work.every_h:g} h is a shorter interval than the {work.for_h:g} h that it takes"
            )
        result.append(replace(work, part=part))
    return result


class _Plan:
    """The chain of a site with the states that works lead to, and what each work costs from where roles are."""

    def __init__(self, solution: Solution, works: Sequence[Work], within_h: float, not_back: float) -> None:
        self.solution, self.works, self.within_h, self.not_back = solution, list(works), within_h, not_back
        self.study, self.who = solution.study, chain_asked(solution)
        policy = followed_policy(self.study, self.who)
        services = [service for service in services_of(policy) if service.scope == "site"]
        self.losses = Losses(self.study, policy, self.who.takeover_times, services)
        self.takeover = self.losses.takeover
        self.quiet = [0] if self.takeover is None else self.takeover.quiet.tolist()
        self.sets: list[tuple[str, ...]] = [(work.part,) for work in self.works]
        self.sets += [tuple(pair) for pair in itertools.combinations([work.part for work in self.works], 2)]
        self.dynamics = solved(self.study, self.who, tuple(self._starts()))
        self.places = Places(self.dynamics)
        self.chain = self.dynamics.states.chain
        self.principal = [each.name for each in services].index(principal_traffic(self.study.site))

    def _outcomes(self, parts: Sequence[str], control: int) -> list[tuple[int, float]]:
        """Control states that follow at once where parts are taken out: the takeover works, or it fails."""
        if self.takeover is None or self.losses.settling is None:
            return [(0, 1.0)]
        table = self.takeover.of_pairs(
            np.array([self.losses.settling.row(parts)]), np.array([0]), np.array([control])
        )  # fmt: skip
        good = float(table.coverage[0])
        ways = [(int(table.settled[0]), good), (int(table.failed[0]), 1.0 - good)]
        return [(after, p) for after, p in ways if p > 0.0]

    def _starts(self) -> list[Start]:
        found = [
            Start(parts, after)
            for parts in self.sets
            for control in self.quiet
            for after in [
                *(after for after, _ in self._outcomes(parts, control)),
                self._settled(parts, control),
                self._begun(parts, control),
            ]
        ]
        return list(dict.fromkeys(found))

    def _settled(self, parts: Sequence[str], control: int) -> int:
        """Control state while parts are out, once takeovers have succeeded."""
        if self.losses.settling is None:
            return 0
        return int(self.losses.settling.settled([parts], np.array([control]))[0])

    def _begun(self, parts: Sequence[str], control: int) -> int:
        """Control state in which the takeovers that taking parts out begins have been called for and will succeed."""
        if self.losses.settling is None:
            return 0
        return int(self.losses.settling.begun([parts], np.array([control]))[0])

    def after(self, parts: Sequence[str], control: int) -> int:
        """Control state when parts are back and servers have been placed in service."""
        control = self._settled(parts, control)
        if self.takeover is None or self.losses.settling is None:
            return 0
        control = int(self.losses.settling.settled([()], np.array([control]))[0])
        digits = self.takeover.digits[control].copy()
        for server in self.takeover.servers:
            column = self.takeover.server_column(server)
            digits[column] = 0 if digits[column] == OUT else digits[column]
        return int(self.losses.settling.settled([()], self.takeover.encoded(digits[None, :]))[0])

    @cached_property
    def _gain(self) -> FloatArray:
        """Unavailability of every service given each state: (states, services)."""
        return np.column_stack([
            self.dynamics.unavailability_given_mode(each)[self.dynamics.modes(each.diagram)]
            for each in self.losses.services
        ])  # fmt: skip

    @cached_property
    def _later(self) -> dict[float, FloatArray]:
        """Mean downtime of every service from every state within some times [h]."""
        times = sorted({_AFTER_H, *(_AFTER_H + work.for_h for work in self.works)})
        nothing = np.zeros((len(self._gain), 0))
        found = ahead(self.chain, times, self._gain, nothing, nothing.astype(np.bool_))
        return dict(zip(times, found.gained, strict=True))

    def _returned(self, state: int, parts: Sequence[str]) -> list[tuple[int, float]]:
        """Where a state goes when the work is done: parts back, good servers placed in service."""
        ways = [(state, 1.0)]
        for part in parts:
            ways = [(y, p * q) for x, p in ways for y, q in (self.places.repaired(x, part) or [(x, 1.0)])]
        if self.takeover is not None:
            for server in self.takeover.servers:
                ways = [(y, p * q) for x, p in ways for y, q in (self.places.put_in_service(x, server) or [(x, 1.0)])]
        return ways

    def _without_repair(self, parts: Sequence[str]) -> Chain:
        """The chain while parts are out: nobody repairs them."""
        rates = self.chain.rates.tocoo()
        keep, rows, columns = np.ones(len(rates.data)), rates.row, rates.col
        out = Counter(self.places.number_of(part) for part in parts if self.places.follows(part))
        for number, held in out.items():
            mine = np.flatnonzero(self.places.repairs == number)
            count = self.places.count_of(self.places.member_of(number))[rows[mine]]
            keep[mine] = np.maximum(count - held, 0) / count
        moves = keep > 0.0
        return Chain.of(self.chain.states, rows[moves], columns[moves], (rates.data * keep)[moves])

    def cost(self, parts: Sequence[str], for_h: float, control: int) -> WorkCost:
        """What it costs to take parts out for a time, from where the roles are."""
        later, out = self._later, self._without_repair(parts)
        settled = self._settled(parts, control)
        quiet = self.places.found([], control)[0][0]
        usual = later[_AFTER_H + for_h][quiet]

        def followed(ways: Sequence[tuple[int, float]]) -> tuple[FloatArray, FloatArray, FloatArray]:
            """Downtime while the parts are out and after it, and what is more where they do not come back [h]."""
            start = self.places.spread(
                (state, p * share) for after, p in ways for state, share in self.places.found(parts, after)
            )
            found = over_time(out, [for_h], start, 1e-10)
            meanwhile = found.spent_h[0] @ self._gain
            rest, worse = np.zeros(len(meanwhile)), np.zeros(len(meanwhile))
            weights = found.probability[0]
            for state in np.flatnonzero(weights > 1e-12).tolist():
                back = sum(share * later[_AFTER_H][y] for y, share in self._returned(state, parts))
                rest += weights[state] * back
                worse += weights[state] * (later[_AFTER_H][state] - back)
            return meanwhile, rest, worse

        whole = followed(self._outcomes(parts, control))
        moved = followed([(settled, 1.0)])
        sure = followed([(self._begun(parts, control), 1.0)])
        n = self.principal
        begins = self._outcomes(parts, control) != [(settled, 1.0)]
        own_h = float(whole[0][n] + whole[1][n] - moved[0][n] - moved[1][n]) if begins else 0.0
        not_back_h = self.not_back * float(whole[2][n])
        excess_h = float(whole[0][n] + whole[1][n] - usual[n]) + not_back_h
        down = self.losses.down([frozenset(parts)], np.array([settled]))[0]
        return WorkCost(
            tuple(parts),
            for_h,
            60 * own_h,
            60 * (excess_h - own_h - not_back_h),
            60 * not_back_h,
            60 * excess_h,
            self._fails(out, parts, settled, for_h),
            self.losses.sorted_names(self.losses.named(down)),
            60 * (excess_h + float(sure[0][n] + sure[1][n] - whole[0][n] - whole[1][n])),
            self._roles_move(control, settled),
        )

    def _roles_move(self, before: int, after: int) -> bool:
        """Whether some role is elsewhere."""
        if self.takeover is None:
            return False
        count = len(self.takeover.roles)
        return bool((self.takeover.digits[before][:count] != self.takeover.digits[after][:count]).any())

    def _fails(self, out: Chain, parts: Sequence[str], settled: int, for_h: float) -> float:
        """Probability that the principal traffic fails while the parts are out, once roles have settled."""
        down = np.asarray(self._gain[:, self.principal] > 0.5)
        start = self.places.spread(self.places.found(parts, settled))
        if (start * down).any():
            return math.nan
        found = over_time(out.ending_at(down), [for_h], start, 1e-10, accumulate=False).probability[0]
        return float(found[down].sum())

    def result(self) -> Maintenance:
        """Everything that is asked."""
        first = self.quiet[0]
        alone = [self.cost((work.part,), work.for_h, first) for work in self.works]
        orders = self._orders()
        pairs = []
        for one, other in itertools.combinations(range(len(self.works)), 2):
            parts = (self.works[one].part, self.works[other].part)
            hours = max(self.works[one].for_h, self.works[other].for_h)
            if hours + _AFTER_H in self._later:
                both = self.cost(parts, hours, first)
                pairs.append(Pair(both, min(self._in_order((one, other))[0], self._in_order((other, one))[0])))
        names = {} if self.losses.settling is None else self.losses.settling.roles_words(first)
        return Maintenance(
            tuple(alone),
            tuple(orders),
            tuple(pairs),
            tuple(
                self._worth(work, cost) for work, cost in zip(self.works, self._in_the_year(alone, orders), strict=True)
            ),
            self.within_h,
            self.not_back,
            principal_traffic(self.study.site),
            availability(self.solution)[principal_traffic(self.study.site)].downtime_min_per_year,
            names,
            named_solution(self.dynamics, self.solution),
        )

    @cached_property
    def _known(self) -> dict[tuple[int, int], WorkCost]:
        return {}

    def _in_order(self, order: Sequence[int]) -> tuple[float, int, list[WorkCost]]:
        """Downtime of works one after another, takeovers, and each cost: where one leaves roles the next begins."""
        control, costs = self.quiet[0], []
        for n in order:
            if (n, control) not in self._known:
                self._known[n, control] = self.cost((self.works[n].part,), self.works[n].for_h, control)
            costs.append(self._known[n, control])
            control = self.after((self.works[n].part,), control)
        return sum(each.excess_min for each in costs), sum(each.moves_roles for each in costs), costs

    def _orders(self) -> list[OrderOfWorks]:
        """Every order of the works, the best first."""
        found = []
        for order in itertools.permutations(range(len(self.works))):
            total, moves, _ = self._in_order(order)
            found.append(OrderOfWorks(tuple(self.works[n].part for n in order), total, moves))
        return sorted(found, key=lambda each: (each.excess_min, each.parts))

    def _in_the_year(self, alone: Sequence[WorkCost], orders: Sequence[OrderOfWorks]) -> list[WorkCost]:
        """What each work costs each time: in the best order where all come equally often, else alone."""
        if len({work.every_h for work in self.works}) > 1:
            return list(alone)
        place = [[work.part for work in self.works].index(part) for part in orders[0].parts]
        _, _, costs = self._in_order(place)
        return [cost for _, cost in sorted(zip(place, costs, strict=True), key=lambda each: each[0])]

    def _worth(self, work: Work, cost: WorkCost) -> Worth:
        """What a work costs a year, and what would have to come of it."""
        if math.isinf(work.every_h):
            return Worth(work.part, math.nan, math.nan, math.nan, math.nan, "")
        times = HOURS_PER_YEAR / work.every_h
        adds = times * cost.excess_min
        table = causes(self.solution)
        caused = math.nan
        law = self.study.law(work.part)
        if work.part in table.index and isinstance(law, Law):
            caused = float(table["slope_rate_h"][work.part]) * law.failure_rate_per_h * MINUTES_PER_YEAR
        saved, why = self._found(work)
        return Worth(work.part, times, adds, caused, saved, why)

    def _found(self, work: Work) -> tuple[float, str]:
        """Downtime a year that the work saves since it finds what is hidden, and how."""
        site, law, settings = self.study.site, self.study.law(work.part), {}
        if isinstance(law, Law) and 0.0 < work.every_h < law.test_interval_h:
            settings[f"{work.part}.test_interval"] = f"{work.every_h:g} h"
        for role, entry in site.movable.items():
            servers = {holder.on for holder in entry.holders}
            if work.part in servers and entry.drift_per_h > 0 and work.every_h < entry.drill_every_h:
                settings[f"{role}.drill_every"] = f"{work.every_h:g} h"
        if not settings:
            return 0.0, ""
        principal = principal_traffic(site)
        other = study_from(site, repair=self.study.laws.contract, rates=self.study.rates, settings=settings)
        before = availability(self.solution)[principal].downtime_min_per_year
        after = availability(self.solution.alike(other))[principal].downtime_min_per_year
        what = "hidden faults are found" if any("test_interval" in key for key in settings) else "each is a drill"
        return before - after, what
