"""A past period followed a second time, on the rules of `takeover_chain`: every step lasts its mean, every takeover works.

Nothing of the library's policy or engines is used. A step goes on as long as it is the same step; where what it is made
of changes (another role on its way, another cause to detect) it begins anew.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator

from k2rel.site.model import Site
from tests.takeover_chain import Chain
from tests.takeover_states import State, put

Step = tuple[Hashable, float, State]  # what it is, how long it lasts, what is so next
Failure = tuple[str, float, float]  # part, from when, until when


class Course(Chain):
    """The site, with what is certain to happen."""

    def __init__(self, site: Site, manual_takeover_h: float, return_h: float) -> None:
        super().__init__(site, {}, manual_takeover_h, return_h)

    def rest(self, state: State) -> State:
        """What follows at once, with takeovers that work."""
        return self.at_once(state)[0].state

    def steps(self, state: State) -> Iterator[Step]:
        rate, after = self.arrival(state)
        if rate > 0:
            away = tuple(position for position in state.roles if position[0] in ("on its way", "planned"))
            yield ("arrival", tuple(n for n, p in enumerate(state.roles) if p in away)), 1.0 / rate, after
        for (_, after), _ in zip(self.operator(state), range(1), strict=False):  # the first is its success
            yield "operator", self.manual_takeover_h, after
        due = self.due(state)
        if due:
            what = tuple((self.movable[r].id, place, wait) for r, place, _, wait in due)
            (good, _) = self.take_over(state, [entry[:3] for entry in due])
            yield ("detection", what), max(entry[3] for entry in due), good.state
        seen = self.seen(state)
        for r, (role, position) in enumerate(zip(self.movable, state.roles, strict=True)):
            doing = position[0]
            if doing == "retrying":
                place = self.first(state, role, range(len(role.holders)))
                where = ("held", place) if place is not None else self.gone(role, "stranded", position[1])
                yield ("retry", r), role.retry_after_h, state._replace(roles=put(state.roles, r, where))
            if doing in ("mending", "restoring") and (place := self.chosen(state, role, None)) is not None:
                takes = role.split_mend_h if doing == "mending" else role.restoration_h
                yield (doing, r), takes, self.place(state, r, place)
            back = doing == "held" and role.failback == "automatic" and role.failback_after_h > 0 and position[1] > 0
            back = back and self.ready(state, role, role.holders[0])
            if back and not self.left(state, role, role.holders[position[1]]):
                where = self.given_back(role, position[1])
                yield ("back", r), role.failback_after_h, state._replace(roles=put(state.roles, r, where))
        for n, entry in enumerate(self.suspensions):
            if state.suspended[n] and not all(map(seen.works, entry.works)) and math.isfinite(entry.auto_recovery_h):
                yield ("recovery", n), entry.auto_recovery_h, state._replace(suspended=put(state.suspended, n, False))
        for n, server in enumerate(self.servers):
            good_now = (seen.kept(server) and not seen.blocked(server)) or self.has_role(state, server)
            if not state.served[n] and seen.works(server) and good_now:
                yield ("return", n), self.return_h, state._replace(served=put(state.served, n, True))

    def downtime(self, failures: Iterable[Failure], end_h: float) -> dict[str, float]:
        """Downtime of each role and class of traffic from hour 0 on."""
        times = sorted({time for _, *both in failures for time in both if time < end_h} | {end_h})
        failures = list(failures)
        state, at, since = self.rest(self.start), 0.0, dict[Hashable, float]()
        lost = dict.fromkeys(self.performed(state), 0.0)
        for _ in range(100_000):
            now = frozenset(part for part, failed, restored in failures if failed <= at < restored)
            state = self.rest(state._replace(failed=now))
            steps = {key: (hours, after) for key, hours, after in self.steps(state) if after != state}
            since = {key: since.get(key, at) for key in steps}
            due = min(
                ((since[key] + hours, key) for key, (hours, _) in steps.items()), key=lambda x: x[0], default=None
            )
            later = next(time for time in times if time > at)
            until = min(later, due[0]) if due else later
            for name, up in self.performed(state).items():
                lost[name] += 0.0 if up else until - at
            at = until
            if at >= end_h:
                return lost
            if due and due[0] <= at < later:
                since.pop(due[1])
                state = steps[due[1]][1]
        raise RuntimeError("it never ends")
