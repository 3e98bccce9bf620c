"""From one present state of a site: what takes a service down from there, what can be done, and in which order.

What is asked of the next hours is looked up in what lies ahead of every state (`k2rel.measures.outlook`); here is where
the present state goes from now on, by itself, by a failure, or by somebody's action.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.outlook import ahead, time_until
from k2rel.ctmc.transient import over_time
from k2rel.logic.structure import BoolArray
from k2rel.markov.places import Places
from k2rel.measures.must_not_fail import Critical, Losses
from k2rel.measures.outlook import Outlook
from k2rel.policy.present import Present, possible_actions

__all__ = ["Action", "AheadOf", "Order"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_ORDERED = 5
_SPENT = 1e-4  # share of the horizon that a state on the way back must have to be looked at
_MASS = 1e-9  # of the states that an action is followed from, what may be left out


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done, and what is left of the risk if it is done after a time."""

    action: str  # repair, place in service, move
    part: str
    to: str
    after_h: float
    p_failure_within: float
    downtime_h: float


@dataclass(frozen=True, slots=True)
class Order:
    """An order of repairs and what it leaves."""

    parts: tuple[str, ...]
    p_failure_within: float
    downtime_h: float


class AheadOf:
    """What lies ahead of one present state."""

    def __init__(
        self, outlook: Outlook, places: Places, present: Present, control: int, at: Sequence[tuple[int, float]]
    ) -> None:
        self.outlook, self.places, self.control, self.at = outlook, places, control, at
        self.failed, self.since_h = present.failed, present.since_h
        self.states, self.chain = places.states, places.states.chain
        self.horizon_h = outlook.horizon_h

    def mean(self, values: FloatArray) -> float:
        """Mean of something that is known of every state, over the state at present."""
        return float(sum(p * values[state] for state, p in self.at))

    @property
    def start(self) -> FloatArray:
        """Probability of every state at present."""
        return self.places.spread(self.at)

    def up_now(self, service: int) -> bool:
        """Whether shared parts and roles let a service be there now."""
        down = self.outlook.services[service].down
        return not any(down[state] for state, _ in self.at)

    def back_h(self, service: int) -> float:
        """Mean time until a service that is down is there again [h]."""
        return self.mean(time_until(self.chain, ~self.outlook.services[service].down))

    @property
    def memoryless(self) -> bool:
        """Whether it does not matter since when parts have failed."""
        return len(self.at) == 1

    @cached_property
    def redundancy_back_h(self) -> float:
        """Mean time until nothing has failed, every role is held and every server in service [h]."""
        there = self.states.all_up.copy()
        for part in filter(self.places.follows, self.failed):  # also those whose failures mostly stand unnoticed
            there &= self._fewer(part)
        return self.mean(time_until(self.chain, there))

    def _fewer(self, part: str) -> BoolArray:
        """States in which fewer of the parts that are alike with one have failed than now."""
        count = self.places.count_of(part)
        return np.asarray(count < max(int(count[state]) for state, _ in self.at))

    def repaired_h(self, part: str) -> float:
        """Mean time until a failed part is repaired [h]; of parts that are alike, until one of them is."""
        if not self.places.follows(part):
            return math.nan
        return self.mean(time_until(self.chain, self._fewer(part)))

    # the way back

    @cached_property
    def _way(self) -> tuple[IntArray, Chain]:
        """States on the way back, and their chain, with one more state for everything else."""
        way = self.places.on_the_way_back([state for state, _ in self.at])
        inner = self.chain.rates[way][:, way].tocoo()
        moves = np.array([
            self.places.is_way_back(int(way[a]), int(way[b])) for a, b in zip(inner.row, inner.col, strict=True)
        ], dtype=np.bool_)  # fmt: skip
        back = np.bincount(inner.row[moves], inner.data[moves], minlength=len(way))
        leave = self.chain.exit_rates_per_h[way] - back
        away = np.flatnonzero(leave > 1e-12 * np.maximum(self.chain.exit_rates_per_h[way], 1e-300))
        row = np.concatenate([inner.row[moves], away])
        column = np.concatenate([inner.col[moves], np.full(len(away), len(way))])
        return way, Chain.of(len(way) + 1, row, column, np.concatenate([inner.data[moves], leave[away]]))

    @cached_property
    def _spent(self) -> FloatArray:
        """Time spent within the horizon in each state on the way back, without a further failure [h]."""
        way, chain = self._way
        start = np.append(self.start[way], 0.0)
        return np.asarray(over_time(chain, [self.horizon_h], start, 1e-10).spent_h[0][:-1])

    @cached_property
    def losses(self) -> Losses:
        """Which services are down in any state."""
        dynamics = self.places.dynamics
        services = [each.service for each in self.outlook.services]
        return Losses(dynamics.study, dynamics.policy, dynamics.organisation.takeover_times, services)

    def critical(self, *, now: bool = False) -> list[Critical]:
        """List what must not fail, the likeliest first; `now` looks at the present state only."""
        way, spent = (np.array([s for s, _ in self.at]), np.ones(len(self.at))) if now else (self._way[0], self._spent)
        keep = np.flatnonzero(spent > (0.0 if now else _SPENT * self.horizon_h))
        rows = [(n, part) for n in keep.tolist() for part in self.places.parts_up(int(way[n]))]
        failed = [self.places.names(int(way[n]), self.failed) for n in range(len(way))]
        at = way[[n for n, _ in rows]] if rows else np.zeros(0, dtype=np.int64)
        already = np.column_stack([each.down[at] for each in self.outlook.services])
        after = [frozenset((*failed[n], part)) for n, part in rows]
        lost = self.losses.after(after, self.states.control[at]) & ~already
        hours: dict[str, float] = {}
        services: dict[str, set[str]] = {}
        for (n, part), row in zip(rows, lost, strict=True):
            if row.any():
                hours[part] = hours.get(part, 0.0) + float(spent[n])
                services.setdefault(part, set()).update(self.losses.named(row))
        p = {part: -math.expm1(-self.places.rate_per_h(part) * each) for part, each in hours.items()}
        return self.losses.listed(services, p)

    # actions

    def _possible(self) -> Iterator[tuple[str, str, str, Callable[[int], list[tuple[int, float]]]]]:
        """What can be done: its kind, of what, to whom, and where a state goes by it."""
        for each in possible_actions(self.losses.settling, self.failed, self.control):
            if each.kind == "repair":
                if self.places.follows(each.of):
                    yield each.kind, each.of, "", partial(self.places.repaired, part=each.of)
            elif each.kind == "place in service":
                yield each.kind, each.of, "", partial(self.places.put_in_service, server=each.of)
            else:
                yield each.kind, each.of, each.to, partial(self._given_to, role=each.of, holder=each.place)

    def _given_to(self, state: int, role: str, holder: int) -> list[tuple[int, float]]:
        """Where a state goes when a role is moved by hand; nowhere else where that holder is not ready."""
        settling, control = self.losses.settling, int(self.states.control[state])
        assert settling is not None
        if holder not in settling.others_ready(role, self.places.names(state, self.failed), control):
            return [(state, 1.0)]
        return self.places.given_to(state, role, holder)

    def actions(self, service: int, delays_h: Sequence[float]) -> list[Action]:
        """List what can be done, with what is left of the risk of a service if it is done after each delay."""
        possible = list(self._possible())
        result = []
        for delay in delays_h:
            if delay >= self.horizon_h:
                continue
            weights, alive, before = self._at_delay(service, delay)
            fails = self.outlook.fails_if_up(service, self.horizon_h - delay)
            downtime = self.outlook.downtime_h(service, self.horizon_h - delay)
            for action, part, to, lead in possible:
                p, hours = before
                for state in np.flatnonzero(weights + alive > 0.0).tolist():
                    ways = lead(state) or [(state, 1.0)]
                    p += float(alive[state]) * sum(share * float(fails[after]) for after, share in ways)
                    hours += float(weights[state]) * sum(share * float(downtime[after]) for after, share in ways)
                result.append(Action(action, part, to, delay, p if self.up_now(service) else math.nan, hours))
        order = {
            (each.action, each.part, each.to): (each.downtime_h, each.p_failure_within)
            for each in result
            if each.after_h == min(delays_h)
        }
        return sorted(result, key=lambda each: (*order[each.action, each.part, each.to], each.after_h))

    def _at_delay(self, service: int, delay_h: float) -> tuple[FloatArray, FloatArray, tuple[float, float]]:
        """After a time: probability of each state; of each without a failure so far; failure and downtime before it."""
        if delay_h == 0.0:
            return self.start, self.start, (0.0, 0.0)
        weights = over_time(self.chain, [delay_h], self.start, 1e-10, accumulate=True)
        hours = float(weights.spent_h[0] @ self.outlook.services[service].unavailability)
        now = weights.probability[0]
        down = self.outlook.services[service].down
        if any(down[state] for state, _ in self.at):
            return _likely(now), np.zeros(len(now)), (math.nan, hours)
        failed = float(self.curve(service, [delay_h])[0, 0])
        alive = over_time(self.chain.ending_at(down), [delay_h], self.start, 1e-10, accumulate=False).probability[0]
        alive[down] = 0.0
        alive *= (1.0 - failed) / float(alive.sum())
        return _likely(now), _likely(alive), (failed, hours)

    def curve(self, service: int, times_h: Sequence[float]) -> FloatArray:
        """Probability of a failure, and mean downtime [h], until each time: (times, 2)."""
        of_rows = self.outlook.curve(service, times_h)
        share = dict(self.at)
        return sum(
            (share[state] * of_rows[:, n] for n, state in enumerate(self.outlook.rows) if state in share),
            np.zeros((len(times_h), 2)),
        )

    # orders of repairs

    def orders(self, service: int, technicians: int) -> list[Order]:
        """Compare all orders of repairs, the best first; none of more than five failed parts.

        On the way back each technician works on the first part in the order that nobody works on. What a further
        failure costs is what lies ahead of the state that it leads to, beside that of the state that it comes from.
        """
        parts = [part for part in self.failed if self.places.follows(part)]
        if len(parts) > MOST_ORDERED or not parts:
            return []
        way, _ = self._way
        found = [self._order(service, order, technicians, way) for order in itertools.permutations(parts)]
        return sorted(found, key=lambda each: (each.downtime_h, each.parts))

    def _order(self, service: int, order: Sequence[str], technicians: int, way: IntArray) -> Order:
        entry, states = self.outlook.services[service], self.states
        inner = self.chain.rates[way][:, way].tocoo()
        factor = np.ones(len(inner.data))
        for n, (before, after) in enumerate(zip(way[inner.row].tolist(), way[inner.col].tolist(), strict=True)):
            done = self.places.repair_between(before, after)
            if done is not None:
                factor[n] = self.places.share_at_work(before, done, order, technicians)
        moves = factor > 0.0
        chain = Chain.of(len(way), inner.row[moves], inner.col[moves], (inner.data * factor)[moves])
        lost = self.chain.rates[way].tocoo()
        inside = np.zeros(states.chain.states, dtype=np.bool_)
        inside[way] = True
        further = ~inside[lost.col]
        downtime = self.outlook.downtime_h(service)
        excess = np.maximum(downtime[lost.col] - downtime[way[lost.row]], 0.0) * lost.data
        gain = entry.unavailability[way] + np.bincount(lost.row[further], excess[further], minlength=len(way))
        down = entry.down[way]
        hazard = np.where(down, 0.0, entry.fails_per_h[way] / np.maximum(1.0 - entry.unavailability[way], 1e-300))
        hazard -= np.where(down, 0.0, np.asarray(chain.rates @ down.astype(np.float64)))
        looked = ahead(chain, [self.horizon_h], gain[:, None], np.maximum(hazard, 0.0)[:, None], down[:, None])
        start = self.start[way]
        p = float(start @ looked.happened[0][:, 0]) if self.up_now(service) else math.nan
        return Order(tuple(order), p, float(start @ looked.gained[0][:, 0]))


def _likely(weights: FloatArray) -> FloatArray:
    """The likeliest states alone, but for a share that does not matter, with the same sum."""
    order = np.argsort(-weights)
    total = np.cumsum(weights[order])
    if not total[-1] > 0.0:
        return weights
    most = int(np.searchsorted(total, (1.0 - _MASS) * total[-1])) + 1
    result = np.zeros(len(weights))
    result[order[:most]] = weights[order[:most]] * float(total[-1] / total[min(most, len(total)) - 1])
    return result
