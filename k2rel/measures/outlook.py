"""What lies ahead of every state of a site within some hours: downtime, failures, outages by their length.

One pass backwards through the chain (`k2rel.ctmc.outlook`) serves every state at once, so that a table of many present
states costs what one costs, and the usual day is their mixture in the long run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.outlook import Ahead, ahead
from k2rel.logic.structure import BoolArray
from k2rel.markov.engine import Dynamics
from k2rel.services.diagrams import Service

__all__ = ["Outlook", "ServiceStates"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_UP = 1.0 - 1e-12


@dataclass(frozen=True, eq=False)
class ServiceStates:
    """One service in every state of a chain."""

    service: Service
    unavailability: FloatArray  # (states,): given each state, clients' own parts in their long run
    down: BoolArray  # (states,): whether shared parts and roles take it down
    fails_per_h: FloatArray  # (states,): rate at which it fails from each
    by_clients_per_h: FloatArray  # (states,): of that, by clients' own parts while nothing else happens

    @classmethod
    def of(cls, dynamics: Dynamics, service: Service) -> ServiceStates:
        """Work out a service in every state."""
        modes = dynamics.modes(service.diagram)
        count = service.diagram.modes
        chain = dynamics.states.chain
        rows = np.repeat(np.arange(chain.states), np.diff(chain.rates.indptr))
        before, after = modes[rows], modes[chain.rates.indices]
        changes = np.flatnonzero(before != after)
        pairs, place = np.unique(before[changes] * count + after[changes], return_inverse=True)
        unavailability, fails, own = np.zeros(count), np.zeros(chain.states), np.zeros(count)
        for weight, moment in dynamics.at_moments:
            given = moment.unavailability_given_mode(service)
            there = given < _UP
            crossing = np.array([
                service.crossing(moment.own, pair // count, pair % count) if there[pair // count] else 0.0
                for pair in pairs.tolist()
            ])  # fmt: skip
            unavailability += weight * given
            if len(changes):
                flow = chain.rates.data[changes] * crossing[place.reshape(-1)]
                fails += weight * np.bincount(rows[changes], weights=flow, minlength=chain.states)
            own += weight * np.array([
                service.own_rate(moment.own, mode) if there[mode] else 0.0 for mode in range(count)
            ])  # fmt: skip
        return cls(
            service, unavailability[modes], np.asarray(unavailability[modes] > 0.5), fails + own[modes], own[modes]
        )


class Outlook:
    """What lies ahead of every state of a chain, of some services, within a horizon.

    An outage is longer than a time where the shared parts and roles that began it have not ended it by then; one that
    clients' own parts begin lasts an exponential time. Whether an outage will be long is decided where it begins.
    Probabilities, which cost most, are those of the services `asked` (by default all); of others they are no number.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        services: Sequence[Service],
        horizon_h: float,
        lengths_h: Sequence[float],
        delays_h: Sequence[float] = (),
        rows: Sequence[int] = (),
        asked: Sequence[int] | None = None,
    ) -> None:
        self.dynamics, self.horizon_h, self.lengths_h = dynamics, horizon_h, tuple(lengths_h)
        self.services = [ServiceStates.of(dynamics, service) for service in services]
        self.times_h = tuple(dict.fromkeys([horizon_h, *(horizon_h - hours for hours in delays_h)]))
        self.times_h = tuple(time for time in self.times_h if time > 0.0)
        self.rows, self.delays_h = tuple(rows), tuple(delays_h)
        which = self._columns[0]
        wanted = range(len(self.services)) if asked is None else asked
        self._asked = {column: n for n, column in enumerate(dict.fromkeys(which[service] for service in wanted))}

    @cached_property
    def _columns(self) -> tuple[list[int], list[int]]:
        """Which of the services that differ each is, and the first of each."""
        kind: dict[bytes, int] = {}
        first: list[int] = []
        which = []
        for n, each in enumerate(self.services):
            key = each.unavailability.tobytes() + each.fails_per_h.tobytes()
            if key not in kind:
                kind[key] = len(first)
                first.append(n)
            which.append(kind[key])
        return which, first

    @property
    def _width(self) -> int:
        return 1 + len(self.lengths_h)

    @cached_property
    def stays(self) -> list[FloatArray]:
        """Probability that an outage goes on so long, by service: (states, lengths); 0 where it is up."""
        _, first = self._columns
        up = np.column_stack([~self.services[n].down for n in first])
        found = ahead(self.dynamics.states.chain, self.lengths_h, np.zeros((len(up), 0)), np.zeros(up.shape), up)
        return [np.column_stack([1.0 - ended[:, n] for ended in found.happened]) for n in range(len(first))]

    def _own_longer_per_h(self, service: ServiceStates, hours: float) -> FloatArray:
        """Rate at which clients' own parts begin an outage that is longer than a time: (states,)."""
        own = np.where(service.down, 0.0, service.by_clients_per_h)
        mean_h = np.divide(service.unavailability, own, out=np.zeros(len(own)), where=own > 0)
        share = np.exp(-np.divide(hours, mean_h, out=np.full(len(own), np.inf), where=mean_h > 0))
        return np.asarray(own * share)

    @cached_property
    def ahead(self) -> Ahead:
        """All that is asked, of the services that differ."""
        _, first = self._columns
        states = self.dynamics.states
        gains = [states.out_per_h, *(self.services[n].unavailability for n in first)]
        hazards, inside, passes = [], [], []
        for column in self._asked:
            each = self.services[first[column]]
            up = np.maximum(1.0 - each.unavailability, 1e-300)
            hazards.append(np.where(each.down, 0.0, np.maximum(each.fails_per_h / up - self._to_down_per_h(each), 0.0)))
            hazards += [self._own_longer_per_h(each, hours) for hours in self.lengths_h]
            inside += [each.down] * self._width
            passes += [np.zeros(len(up)), *(1.0 - self.stays[column].T if self.lengths_h else ())]
        nothing = np.zeros((states.chain.states, 0))
        return ahead(
            states.chain, self.times_h, np.column_stack(gains), np.column_stack([nothing, *hazards]),
            np.column_stack([nothing.astype(np.bool_), *inside]), np.column_stack([nothing, *passes]), self.rows,
        )  # fmt: skip

    def _to_down_per_h(self, each: ServiceStates) -> FloatArray:
        """Rate at which shared parts and roles take a service down."""
        chain = self.dynamics.states.chain
        return np.where(each.down, 0.0, np.asarray(chain.rates @ each.down.astype(np.float64)))

    # answers: arrays over all states

    def _event(self, service: int, kind: int = 0) -> int | None:
        """Column of an event of a service: that it fails, that an outage of each length begins."""
        place = self._asked.get(self._columns[0][service])
        return None if place is None else place * self._width + kind

    def _time(self, time_h: float | None) -> int:
        return self.ahead.times_h.index(self.horizon_h if time_h is None else time_h)

    def downtime_h(self, service: int, time_h: float | None = None) -> FloatArray:
        """Mean downtime within the horizon, or a shorter time that was asked for [h]."""
        return self.ahead.gained[self._time(time_h)][:, 1 + self._columns[0][service]]

    def fails(self, service: int, time_h: float | None = None) -> FloatArray:
        """Probability that a service that is up fails; not a number where it is down."""
        column = self._event(service)
        if column is None:
            return np.full(len(self.services[service].down), np.nan)
        found = self.ahead.happened[self._time(time_h)][:, column]
        return np.where(self.services[service].down, np.nan, found)

    def fails_if_up(self, service: int, time_h: float | None = None) -> FloatArray:
        """The same, and 1 where it is down."""
        return np.where(self.services[service].down, 1.0, self.fails(service, time_h))

    def longer(self, service: int, length: int, time_h: float | None = None) -> FloatArray:
        """Probability that an outage that begins is longer than a length; where it is down, that this one goes on."""
        failure, column = self._event(service), self._event(service, 1 + length)
        if failure is None or column is None:
            return np.full(len(self.services[service].down), np.nan)
        happened = self.ahead.happened[self._time(time_h)]
        # it may begin while clients' own parts have it down already, and is then no failure
        found = np.minimum(happened[:, column], happened[:, failure])
        return np.where(self.services[service].down, self.stays[self._columns[0][service]][:, length], found)

    @property
    def left_out(self) -> FloatArray:
        """Bound of the probability that a state which is not followed is met: the error of every probability."""
        return self.ahead.gained[self._time(None)][:, 0]

    # answers about the states of `rows`

    def curve(self, service: int, times_h: Sequence[float]) -> FloatArray:
        """Probability of a failure, and mean downtime [h], until each time, of each of the rows: (times, rows, 2)."""
        column, event = self._columns[0][service], self._event(service)
        result = np.zeros((len(times_h), len(self.rows), 2))
        for n, time in enumerate(times_h):
            if time > 0:
                gained, happened = self.ahead.at(time)
                result[n, :, 0] = np.nan if event is None else happened[:, event]
                result[n, :, 1] = gained[:, 1 + column]
        return result
