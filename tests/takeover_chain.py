"""Takeovers as they happen, solved a second time: a chain of single states, and an enumeration of failed sets.

What follows at once from a state stands in `takeover_states`; here is what happens in time, the steady state, and the
ideal reading. Where the rules leave something open, what was decided is marked "decided:".
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import scipy.sparse.linalg

from k2rel.site.model import Site, Traffic
from k2rel.site.roles import Role
from k2rel.site.stages import AtLeast, Stage
from tests.takeover_states import Cluster, Outcome, Position, Seen, State, put

Laws = Mapping[str, tuple[float, float]]  # failure and repair rate of each part that fails, per hour
MOST = 60_000


@dataclass(frozen=True)
class Steady:
    """What the chain says in the long run; by role, class of traffic, or what the roles are doing."""

    states: int
    unavailability: Mapping[str, float]
    takeovers_per_h: Mapping[str, float]  # begun
    splits_per_h: Mapping[str, float]
    positions: Mapping[tuple[str, str], float] = field(default_factory=dict)


class Chain(Cluster):
    """The chain of a site whose parts fail and are repaired at some rates."""

    def __init__(self, site: Site, laws: Laws, manual_takeover_h: float = 1.0, return_h: float = 1.0) -> None:
        super().__init__(site)
        self.laws, self.manual_takeover_h, self.return_h = laws, manual_takeover_h, return_h
        self._settled: dict[State, list[Outcome]] = {}

    def at_once(self, state: State) -> list[Outcome]:
        if state not in self._settled:
            self._settled[state] = self.settle(state)
        return self._settled[state]

    def next(self, state: State) -> Iterator[tuple[float, Outcome]]:
        """All that can happen in time in a state at rest: rates, and what each leads to."""
        for rate, after in self.changes(state):
            if rate > 0 and after != state:
                yield from ((rate * each.share, each) for each in self.at_once(after))
        for rate, outcomes in self.takeovers(state):
            yield from (
                (rate * each.share, each) for first in outcomes if first.share > 0 for each in self.follow(first)
            )

    def takeovers(self, state: State) -> Iterator[tuple[float, list[Outcome]]]:
        """Those that begin in time: losses that are detected, all together, and those without a cause."""
        due = self.due(state)
        if any(entry[3] == 0 for entry in due):
            raise RuntimeError(f"two rules undo each other at once: {state}")
        if due:
            yield 1.0 / max(entry[3] for entry in due), self.take_over(state, [entry[:3] for entry in due])
        for r, (role, position) in enumerate(zip(self.movable, state.roles, strict=True)):
            if position[0] != "held" or not role.spurious_per_h:
                continue
            holder = role.holders[position[1]]
            if self.seen(state).undisturbed(holder) and not self.left(state, role, holder):
                target = self.taker(state, role, position[1])
                if target is not None:
                    yield role.spurious_per_h, self.take_over(state, [(r, position[1], target)], spurious=True)

    def changes(self, state: State) -> Iterator[tuple[float, State]]:
        """Rates, and what is so next, before what follows at once."""
        for part, (failure, repair) in self.laws.items():
            yield (repair if part in state.failed else failure), state._replace(failed=state.failed ^ {part})
        yield self.arrival(state)
        yield from self.operator(state)
        for r in range(len(self.movable)):
            yield from self.of_role(state, r)
        seen = self.seen(state)
        for n, entry in enumerate(self.suspensions):
            if state.suspended[n] and not all(map(seen.works, entry.works)):
                yield 1.0 / entry.auto_recovery_h, state._replace(suspended=put(state.suspended, n, False))
        for n, server in enumerate(self.servers):
            good = (seen.kept(server) and not seen.blocked(server)) or self.has_role(state, server)
            if not state.served[n] and seen.works(server) and good:
                yield 1.0 / self.return_h, state._replace(served=put(state.served, n, True))

    def arrival(self, state: State) -> tuple[float, State]:
        """All roles on their way arrive together."""
        longest, after = 0.0, state
        for r, (role, position) in enumerate(zip(self.movable, state.roles, strict=True)):
            if position[0] not in ("on its way", "planned"):
                continue
            takes = role.switchover_h + self.fence_h(role.holders[position[1]])
            longest = max(longest, takes if position[0] == "on its way" else role.giveback_h or 0.0)
            place = self.first(state, role, range(len(role.holders)))
            stranded = self.gone(role, "stranded", position[1])
            after = after._replace(roles=put(after.roles, r, stranded if place is None else ("held", place)))
        return (1.0 / longest if longest else 0.0), after

    def chosen(self, state: State, role: Role, former: int | None) -> int | None:
        """Where an operator places a role, who asks who had it before where `former` is given."""
        order, seen = list(range(len(role.holders))), self.seen(state)
        if former is not None and role.operator_places != "preferred":
            order.remove(former)
            order.insert(0 if role.operator_places == "former" else len(order), former)
        working = [n for n in order if all(map(seen.works, self.servers_of(role.holders[n])))]
        ready = [n for n in working if self.ready(state, role, role.holders[n])]
        fit = [n for n in working if seen.fit(role, role.holders[n])]
        able = [n for n in working if seen.able(role.holders[n])]
        return next(iter(ready + fit + able), None)

    def place(self, state: State, r: int, place: int) -> State:
        """A role is put somewhere, the servers there in service."""
        for server in self.servers_of(self.movable[r].holders[place]):
            state = state._replace(served=put(state.served, self.servers.index(server), True))
        return state._replace(roles=put(state.roles, r, ("held", place)))

    def operator(self, state: State) -> Iterator[tuple[float, State]]:
        """Stranded roles are placed by hand, all together; so are, where a role asks for it, those that are down.

        decided: what is moved though no takeover failed is moved whether or not the placing of the others works.
        """
        seen, good, bad, share, done = self.seen(state), state, state, 1.0, False
        for r, (role, position) in enumerate(zip(self.movable, state.roles, strict=True)):
            if position[0] == "stranded":
                place = self.chosen(state, role, position[1])
                if place is not None:
                    done, good = True, self.place(good, r, place)
                    if role.operator_coverage < 1:
                        share = min(share, role.operator_coverage)
                        bad = bad._replace(roles=put(bad.roles, r, ("restoring",)))
                    else:
                        bad = self.place(bad, r, place)
            elif position[0] == "held" and role.operator_moves == "any loss":
                holder = role.holders[position[1]]
                if not (seen.able(holder) if role.is_service else seen.fit(role, holder)):
                    for n, other in enumerate(role.holders):
                        if n != position[1] and self.ready(state, role, other) and seen.able(other):
                            done = True
                            good = self.place(self.shut(good, holder), r, n)
                            bad = self.place(self.shut(bad, holder), r, n)
                            break
        if done:
            yield share / self.manual_takeover_h, good
            yield (1.0 - share) / self.manual_takeover_h, bad

    def of_role(self, state: State, r: int) -> Iterator[tuple[float, State]]:
        """What happens to one role by itself."""
        role, position, seen = self.movable[r], state.roles[r], self.seen(state)

        def now(where: Position) -> State:
            return state._replace(roles=put(state.roles, r, where))

        doing = position[0]
        if doing == "retrying":
            place = self.first(state, role, range(len(role.holders)))
            works = 0.0 if place is None else role.retry_coverage
            if place is not None:
                yield works / role.retry_after_h, now(("held", place))
            yield (1.0 - works) / role.retry_after_h, now(self.gone(role, "stranded", position[1]))
        if doing in ("restoring", "mending", "data"):
            takes = {"restoring": role.restoration_h, "mending": role.split_mend_h, "data": role.split_restore_h}[doing]
            lost = role.split_restore_share if doing == "mending" else 0.0
            # decided: that data must be restored is found whether or not anybody could have the role
            if lost:
                yield lost / takes, now(("data",))
            place = self.chosen(state, role, None)
            if place is not None:
                yield (1.0 - lost) / takes, self.place(state, r, place)
        if doing == "drilling":
            place = self.first(state, role, range(len(role.holders)))
            if self.ready(state, role, role.holders[position[1]]):
                place = position[1]
            after = self.gone(role, "stranded", position[1]) if place is None else ("held", place)
            yield 1.0 / role.drill_h, now(after)
        if role.drift_per_h and not state.drifted[r]:
            yield role.drift_per_h, state._replace(drifted=put(state.drifted, r, True))
        if doing != "held":
            return
        holder = role.holders[position[1]]
        back = role.failback == "automatic" and role.failback_after_h > 0 and position[1] > 0
        if back and self.ready(state, role, role.holders[0]) and not self.left(state, role, holder):
            yield 1.0 / role.failback_after_h, now(self.given_back(role, position[1]))
        if role.drift_per_h and math.isfinite(role.drill_every_h):
            calm = all(p[0] == "held" for p in state.roles) and all(state.served) and not any(state.suspended)
            calm = calm and all(seen.works(s) and seen.kept(s) and not seen.blocked(s) for s in self.servers)
            calm = calm and not self.left(state, role, holder)
            if calm and self.taker(state, role, position[1]) is not None:
                where = ("drilling", position[1]) if role.drill_h > 0 else position
                ready = put(state.drifted, r, False)
                yield 1.0 / role.drill_every_h, now(where)._replace(drifted=ready)
                if state.drifted[r]:  # found half an interval after it began on average, without a drill of its own
                    yield 1.0 / role.drill_every_h, now(position)._replace(drifted=ready)

    # what a state is worth

    def place_of(self, state: State, role: Role) -> int | None:
        """Where a role is performed, if it is there."""
        if len(role.holders) == 1:
            return 0
        doing, *places = state.roles[self.movable.index(role)]
        has = {"neither": [], "former": places[:1], "new": places[1:]}[role.split_serves] if doing == "split" else []
        found: list[int] = places if doing == "held" else has
        return found[0] if found else None

    def performed(self, state: State) -> dict[str, bool]:
        """Of each role and class of traffic, whether it is there."""
        at = {name: self.place_of(state, role) for name, role in self.site.roles.items()}
        result = {
            name: (place := at[name]) is not None and self.runs(state, role.holders[place])
            for name, role in self.site.roles.items()
        }
        out = frozenset(server for server, served in zip(self.servers, state.served, strict=True) if not served)
        return result | flows(self.site, self.seen(state), at, result, out)

    @cached_property
    def steady(self) -> Steady:
        """Explore the chain, and solve it."""
        (start,) = self.at_once(self.start)
        index, states = {start.state: 0}, [start.state]
        rows, columns, rates = [], [], []
        begun: list[tuple[int, float, str]] = []
        split: list[tuple[int, float, str]] = []
        for n, state in enumerate(states):
            for rate, each in self.next(state):
                if each.state not in index:
                    index[each.state] = len(states)
                    states.append(each.state)
                    if len(states) > MOST:
                        raise RuntimeError(f"more than {MOST} states")
                rows.append(n)
                columns.append(index[each.state])
                rates.append(rate)
                begun += [(n, rate, role) for role in each.begun]
                split += [(n, rate, role) for role in each.split]
        p = stationary(len(states), np.array(rows), np.array(columns), np.array(rates))
        lost: dict[str, float] = defaultdict(float)
        doing: dict[tuple[str, str], float] = defaultdict(float)
        for share, state in zip(p, states, strict=True):
            for name, there in self.performed(state).items():
                lost[name] += 0.0 if there else share
            for role, position in zip(self.movable, state.roles, strict=True):
                doing[role.id, position[0]] += share
        return Steady(len(states), dict(lost), self.per_h(begun, p), self.per_h(split, p), dict(doing))

    def per_h(self, events: list[tuple[int, float, str]], p: np.ndarray) -> dict[str, float]:
        result = dict.fromkeys((role.id for role in self.movable), 0.0)
        for n, rate, role in events:
            result[role] += rate * float(p[n])
        return result


def flows(
    site: Site, seen: Seen, at: Mapping[str, int | None], performed: Mapping[str, bool], out: frozenset[str]
) -> dict[str, bool]:
    """Of each class of traffic, whether it has a path; what clients have of their own never fails here."""

    def works(name: str) -> bool:
        return seen.works(name) and name not in out

    def stage(entry: Stage) -> bool:
        if isinstance(entry, AtLeast):
            return sum(all(map(works, branch)) for branch in entry.of) >= entry.k
        return works(entry)

    def there(role: str, place: str) -> bool:
        here = at[role]
        return here is not None and place in (site.roles[role].holders[here].side, site.roles[role].holders[here].name)

    def up(entry: Traffic) -> bool:
        assert entry.detects == "path"
        if entry.prefer.startswith("role ") and at[entry.prefer[5:]] is None:
            return False
        paths = [path for path in entry.paths if entry.prefer != "home only" or path.side == site.sides[0]]
        asked = all(performed[role] for role in entry.requires)
        return asked and any(all(map(stage, p.via)) and all(there(*when) for when in p.when) for p in paths)

    return {name: up(entry) for name, entry in site.traffic.items()}


def stationary(size: int, rows: np.ndarray, columns: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Long-run shares of time of the states of a chain, from its rates; those of passing states are 0."""
    q = scipy.sparse.coo_matrix((rates, (rows, columns)), shape=(size, size)).tocsr()
    q.setdiag(0.0)
    q.eliminate_zeros()
    count, label = scipy.sparse.csgraph.connected_components(q, connection="strong")
    leaves = set(range(count)) - set(label[q.nonzero()[0]][label[q.nonzero()[0]] != label[q.nonzero()[1]]].tolist())
    assert len(leaves) == 1, f"{len(leaves)} closed classes"
    kept = np.flatnonzero(label == leaves.pop())
    inner = q[kept][:, kept]
    balance = (inner.T - scipy.sparse.diags(np.asarray(inner.sum(axis=1)).ravel())).tocsc()
    x = np.ones(len(kept))
    if len(kept) > 1:
        # the first state has the share 1 until all are scaled
        matrix, right = balance[1:, 1:], -balance[1:, :1].toarray().ravel()
        nearly = scipy.sparse.linalg.spilu(matrix, drop_tol=1e-3, fill_factor=10)
        ahead = scipy.sparse.linalg.LinearOperator(matrix.shape, nearly.solve)
        x[1:], missed = scipy.sparse.linalg.gmres(matrix, right, M=ahead, rtol=1e-13, restart=60, maxiter=40)
        assert missed == 0
    result = np.zeros(size)
    result[kept] = x / x.sum()
    return result


# --- the ideal reading ---------------------------------------------------------------------------------------------


def ideal(site: Site, laws: Laws) -> dict[str, float]:
    """Unavailability of roles and classes of traffic with ideal takeovers, by enumeration of all sets of failed parts."""
    cluster, lost = Cluster(site), defaultdict(float)
    for flags in itertools.product((False, True), repeat=len(laws)):
        failed = frozenset(itertools.compress(laws, flags))
        share = math.prod((a if n in failed else b) / (a + b) for n, (a, b) in laws.items())
        for name, there in ideally(cluster, failed).items():
            lost[name] += 0.0 if there else share
    return dict(lost)


def ideally(cluster: Cluster, failed: frozenset[str]) -> dict[str, bool]:
    """Of each role and class of traffic, whether it is there when some parts have failed.

    decided: whether a holder is alive asks whether its server works; servers that are shot are found after the roles.
    """
    site, suspended = cluster.site, frozenset[str]()
    for _ in cluster.suspensions:
        seen = cluster.look(failed, suspended)
        suspended = frozenset(
            entry.part
            for entry in cluster.suspensions
            if not any(map(seen.works, entry.lost)) and all(map(seen.works, entry.works))
        )
    seen = cluster.look(failed, suspended)
    at: dict[str, int | None] = {}
    having: dict[str, set[int]] = {}
    out: set[str] = set()
    for name, role in site.roles.items():
        at[name], having[name], shut = _ideal_role(seen, role)
        out |= shut
    held = {s for n, places in having.items() for p in places for s in cluster.servers_of(site.roles[n].holders[p])}
    for name, role in site.movable.items():
        if role.partition == "keeps" and len(having[name]) == 1:
            (here,) = having[name]
            if _alive(seen, role, here) and not _called(seen, role, here):
                others = [unit for n, other in enumerate(role.holders) if n != here for unit in seen.units(other)]
                out |= {u.server for u in others if seen.silence(u) and seen.fences(u)} - held
    performed = {name: at[name] is not None and seen.able(role.holders[at[name]]) for name, role in site.roles.items()}
    return performed | flows(site, seen, at, performed, frozenset(out))


def _alive(seen: Seen, role: Role, place: int) -> bool:
    holder = role.holders[place]
    return seen.able(holder) and (holder.on is None or seen.works(holder.on))


def _called(seen: Seen, role: Role, place: int) -> bool:
    """A takeover from a holder is called for."""
    holder = role.holders[place]
    keeps = _alive(seen, role, place) and seen.silenced(holder) and role.partition == "keeps"
    return seen.noticed(holder) or (seen.silent(holder) and not keeps)


def _ideal_role(seen: Seen, role: Role) -> tuple[int | None, set[int], set[str]]:
    """Who performs a role, who has it, and what its takeover shuts down."""
    home, others = role.holders[0], range(1, len(role.holders))
    if not others or not _called(seen, role, 0):
        return 0, {0}, set()
    takers = [n for n in others if seen.fit(role, role.holders[n])]
    if seen.silent(home) and not seen.noticed(home):
        takers = [n for n in takers if _alive(seen, role, n)]
    if not takers and role.backup == "able" and not seen.able(home):
        takers = [n for n in others if seen.able(role.holders[n]) and seen.taking(role.holders[n])]
    if not takers:
        return 0, {0}, set()
    taker = takers[0]
    if not seen.noticed(home) and _alive(seen, role, 0) and not seen.silenced(home):
        return {"neither": None, "former": 0, "new": taker}[role.split_serves], {0, taker}, set()
    shut = {home.on} if home.on else set()
    for unit in filter(seen.shuts, seen.units(home)):
        shut |= {unit.server, *unit.takes_down}
    return taker, {taker}, shut
