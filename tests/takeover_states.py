"""Takeovers as they happen, written a second time: what follows at once from one state.

Nothing of the library's policy or engines is used: the rules stand here as conditions on one state, in plain Python.
A state says which parts have failed, where each role is, which servers are in service, whose takeover has drifted out
of readiness, and what is suspended. All times are exponential; there are no crews, no tests, no maintenance.

Where the rules leave something open, what was decided is marked "decided:".
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from k2rel.site.model import Site
from k2rel.site.roles import Holder, Role, TakeoverNeed, Unit
from k2rel.site.stages import AtLeast, Stage, names_in

Position = tuple[Any, ...]  # ("held", 0), ("on its way", 0), ("split", 0, 1), ("mending",), ...
ROUNDS = 40
T = TypeVar("T")


class State(NamedTuple):
    """One state of the chain."""

    failed: frozenset[str]
    roles: tuple[Position, ...]  # of the roles that can move
    served: tuple[bool, ...]  # of the servers of their holders
    drifted: tuple[bool, ...]  # of the roles that can move
    suspended: tuple[bool, ...]


class Outcome(NamedTuple):
    """What follows at once, with its probability; which roles began a takeover, and which are split since."""

    share: float
    state: State
    begun: tuple[str, ...] = ()
    split: tuple[str, ...] = ()


def once(rule: Callable[..., T]) -> Callable[..., T]:
    """Ask a rule once for each record; records live as long as their site."""

    @functools.wraps(rule)
    def asked(self: Seen, *given: Any) -> T:
        key = (rule.__name__, *(each if isinstance(each, str) else id(each) for each in given))
        if key not in self.known:
            self.known[key] = rule(self, *given)
        answer: T = self.known[key]
        return answer

    return asked


class Seen:
    """What holds for some failed parts, and parts that are suspended, whatever the roles do."""

    def __init__(self, site: Site, failed: frozenset[str], suspended: frozenset[str]) -> None:
        self.site, self.failed, self.suspended = site, failed, suspended
        self._works: dict[str, bool] = {}
        self.known: dict[Any, Any] = {}

    def works(self, name: str) -> bool:
        if name in self.site.raid_sets:  # as a whole: its drives are in its own law
            return name not in self.failed
        if name not in self._works:
            part = self.site.described[name]
            itself = name not in self.failed and name not in self.suspended
            self._works[name] = itself and all(map(self.stage, part.needs))
        return self._works[name]

    def stage(self, stage: Stage) -> bool:
        if isinstance(stage, AtLeast):
            return sum(all(map(self.works, branch)) for branch in stage.of) >= stage.k
        return self.works(stage)

    # units

    def met(self, need: TakeoverNeed) -> bool:
        return all(map(self.stage, need.stages))

    @once
    def lost(self, unit: Unit) -> bool:
        return not all(map(self.works, unit.triggers))

    @once
    def seen(self, unit: Unit) -> bool:
        return all(self.met(need) for need in unit.needed if need.kind == "heartbeat")

    @once
    def permitted(self, unit: Unit) -> bool:
        waits = [n for n in unit.needed if n.kind == "need" or (n.kind == "fence" and n.missing == "wait")]
        return all(map(self.met, waits))

    @once
    def real_loss(self, unit: Unit) -> bool:
        return self.lost(unit) and self.seen(unit) and self.permitted(unit)

    @once
    def silence(self, unit: Unit) -> bool:
        down = [need for need in unit.needed if need.kind == "heartbeat" and not self.met(need)]
        return bool(down) and all(need.missing == "anyway" for need in down) and self.permitted(unit)

    @once
    def fences(self, unit: Unit) -> bool:
        """It has fences, and all of them work."""
        fences = [need for need in unit.needed if need.kind == "fence"]
        return bool(fences) and all(map(self.met, fences))

    @once
    def shuts(self, unit: Unit) -> bool:
        """A takeover from a holder shuts down what this unit runs on.

        decided: with `shuts_down: lost` a unit that is silent shuts down too, lost or not.
        """
        called = self.real_loss(unit) or self.silence(unit)
        return called or (unit.shuts_down == "lost" and self.lost(unit))

    # holders

    def units(self, holder: Holder) -> list[Unit]:
        return [self.site.units[name] for name in holder.units]

    def voted(self, holder: Holder) -> bool:
        return holder.quorum is None or self.stage(holder.quorum)

    @once
    def able(self, holder: Holder) -> bool:
        return all(map(self.stage, holder.needs)) and self.voted(holder)

    @once
    def healthy(self, holder: Holder) -> bool:
        if not holder.units:
            return self.able(holder)
        return not any(map(self.lost, self.units(holder))) and self.voted(holder)

    @once
    def fit(self, role: Role, holder: Holder) -> bool:
        """decided: an operator too puts a role first where what a takeover to that holder needs works."""
        able = role.unable_backup == "takes over" or self.able(holder)
        return self.healthy(holder) and able and self.taking(holder)

    @once
    def taking(self, holder: Holder) -> bool:
        return all(map(self.stage, holder.takeover_needs))

    @once
    def noticed(self, holder: Holder) -> bool:
        if not holder.units:
            return not self.able(holder)
        units = self.units(holder)
        told = all(self.seen(unit) and self.permitted(unit) for unit in units)
        return any(map(self.real_loss, units)) or (not self.voted(holder) and told)

    @once
    def undisturbed(self, holder: Holder) -> bool:
        """It has lost nothing, and no takeover from it would wait."""
        units = self.units(holder)
        waits = [n for unit in units for n in unit.needed if n.kind == "heartbeat" and n.missing == "wait"]
        kept = not any(map(self.lost, units)) and all(map(self.permitted, units))
        return kept and all(map(self.met, waits)) and self.voted(holder)

    @once
    def silent(self, holder: Holder) -> bool:
        return any(map(self.silence, self.units(holder)))

    @once
    def silenced(self, holder: Holder) -> bool:
        quiet = [unit for unit in self.units(holder) if self.silence(unit)]
        return holder.quorum is not None or all(map(self.fences, quiet))

    def causes(self, holder: Holder) -> set[str]:
        """Parts that have failed themselves behind what is lost, in units that a takeover is called for by.

        decided: so too where a unit is lost and silent; that of a unit that is silent alone has no cause.
        """
        found: set[str] = set()

        def follow(name: str) -> None:
            if not self.works(name):
                found.update({name} & self.failed)
                below([need for need in self.site.described[name].needs if not self.stage(need)])

        def below(needs: Iterable[Stage]) -> None:
            for name in itertools.chain.from_iterable(map(names_in, needs)):
                follow(name)

        if not holder.units:
            below([need for need in holder.needs if not self.stage(need)])
        for unit in self.units(holder):
            for name in unit.triggers if self.real_loss(unit) or self.silence(unit) else ():
                follow(name)
        return found

    def by_cause(self, role: Role, holder: Holder, default: float, named: Iterable[tuple[str, float]]) -> float:
        """Smallest of what a role says of the causes that stand; the default where none does."""
        values = dict(named)
        kinds = {name: self.site.described[name].type for name in self.causes(holder)}
        return min((values.get(name, values.get(kind, default)) for name, kind in kinds.items()), default=default)

    @once
    def coverage(self, role: Role, holder: Holder) -> float:
        return self.by_cause(role, holder, role.coverage, role.coverage_of)

    @once
    def detection(self, role: Role, holder: Holder) -> float:
        return self.by_cause(role, holder, role.detection_h, role.detection_of)

    @once
    def blocked(self, server: str) -> bool:
        """A heartbeat that would be taken for a loss is down: a server that would be stopped for that stays out."""
        units = [unit for unit in self.site.units.values() if unit.server == server and self.stoppable(unit)]
        beats = [n for unit in units for n in unit.needed if n.kind == "heartbeat" and n.missing == "anyway"]
        return not all(map(self.met, beats))

    def stoppable(self, unit: Unit) -> bool:
        """It has a fence, or belongs to a holder with a quorum."""
        of = [holder for role in self.site.roles.values() for holder in role.holders if unit.id in holder.units]
        return any(need.kind == "fence" for need in unit.needed) or any(holder.quorum is not None for holder in of)

    @once
    def kept(self, server: str) -> bool:
        return not any(self.lost(unit) for unit in self.site.units.values() if unit.server == server)


class Cluster:
    """The rules of a site's takeovers, on one state."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._servers_of: dict[int, list[str]] = {}
        self._by_itself: dict[str, bool] = {}
        self.movable = list(site.movable.values())
        each = [server for role in self.movable for holder in role.holders for server in self.servers_of(holder)]
        more = [s for role in self.movable for h in role.holders for u in h.units for s in site.units[u].takes_down]
        self.servers = list(dict.fromkeys([*each, *more]))
        self._seen: dict[tuple[frozenset[str], frozenset[str]], Seen] = {}
        self.suspensions = site.suspensions
        self.in_turn = self._in_turn()

    def _in_turn(self) -> list[int]:
        """Suspensions, each after those of parts that it asks for.

        decided: what is suspended at the same instant and is asked for by another counts there as suspended.
        """

        def below(names: Iterable[str]) -> set[str]:
            needs = [set(names), *(below(names_in(n)) for name in names for n in self.site.described[name].needs)]
            return set().union(*needs)

        asked = {n: below((*entry.lost, *entry.works)) for n, entry in enumerate(self.suspensions)}
        done: list[int] = []
        while len(done) < len(asked):
            waiting = {entry.part for n, entry in enumerate(self.suspensions) if n not in done}
            done += [n for n in asked if n not in done and not asked[n] & waiting]
        return done

    @cached_property
    def start(self) -> State:
        roles, bits = tuple(("held", 0) for _ in self.movable), (False,) * len(self.movable)
        return State(frozenset(), roles, (True,) * len(self.servers), bits, (False,) * len(self.suspensions))

    def servers_of(self, holder: Holder) -> list[str]:
        """The servers that a holder is made of."""
        if id(holder) not in self._servers_of:
            named = [holder.on] if holder.on else []
            found = dict.fromkeys([*named, *(self.site.units[unit].server for unit in holder.units)])
            self._servers_of[id(holder)] = list(found)
        return self._servers_of[id(holder)]

    def look(self, failed: frozenset[str], suspended: frozenset[str]) -> Seen:
        key = (failed, suspended)
        if key not in self._seen:
            self._seen[key] = Seen(self.site, failed, suspended)
        return self._seen[key]

    def seen(self, state: State) -> Seen:
        pairs = zip(self.suspensions, state.suspended, strict=True)
        return self.look(state.failed, frozenset(entry.part for entry, bit in pairs if bit))

    # who is ready

    def placed(self, state: State, holder: Holder) -> bool:
        return all(state.served[self.servers.index(server)] for server in self.servers_of(holder))

    def runs(self, state: State, holder: Holder) -> bool:
        """Able, and the server that performs the role works and is in service."""
        seen, on = self.seen(state), holder.on
        there = on is None or (seen.works(on) and (on not in self.servers or state.served[self.servers.index(on)]))
        return seen.able(holder) and there

    def ready(self, state: State, role: Role, holder: Holder) -> bool:
        seen = self.seen(state)
        return seen.fit(role, holder) and self.placed(state, holder)

    def willing(self, state: State, role: Role, holder: Holder) -> bool:
        seen = self.seen(state)
        return role.backup == "able" and seen.able(holder) and self.placed(state, holder) and seen.taking(holder)

    def first(self, state: State, role: Role, places: Iterable[int]) -> int | None:
        """First place whose holder is ready, else willing."""
        places = list(places)
        for rule in (self.ready, self.willing):
            for n in places:
                if rule(state, role, role.holders[n]):
                    return n
        return None

    def abandoned(self, state: State, role: Role, holder: Holder) -> bool:
        """decided: as today it asks for the heartbeats of the server's units, not for their fences."""
        if role.recovered_backup == "waits":
            return False
        seen = self.seen(state)
        for server in self.servers_of(holder):
            units = [unit for unit in seen.units(holder) if unit.server == server]
            told = any(map(seen.seen, units)) or not units
            if told and not state.served[self.servers.index(server)]:
                return True
        return False

    def left(self, state: State, role: Role, holder: Holder) -> bool:
        seen = self.seen(state)
        if seen.noticed(holder) or self.abandoned(state, role, holder):
            return True
        keeps = self.runs(state, holder) and seen.silenced(holder) and role.partition == "keeps"
        return seen.silent(holder) and not keeps

    def splits(self, state: State, role: Role, holder: Holder) -> bool:
        """A takeover from here leaves two that have the role."""
        seen = self.seen(state)
        alone = seen.silent(holder) and not seen.noticed(holder) and not self.abandoned(state, role, holder)
        return alone and self.runs(state, holder) and not seen.silenced(holder)

    def taker(self, state: State, role: Role, place: int) -> int | None:
        """Who would take a role over from a holder that is left."""
        holder, others = role.holders[place], [n for n in range(len(role.holders)) if n != place]
        seen = self.seen(state)
        alone = seen.silent(holder) and not seen.noticed(holder)
        for n in others:
            # who is silent, no more, is left only for somebody who could perform the role
            if self.ready(state, role, role.holders[n]) and (not alone or self.runs(state, role.holders[n])):
                return n
        if not self.seen(state).able(holder) or self.abandoned(state, role, holder):
            return next((n for n in others if self.willing(state, role, role.holders[n])), None)
        return None

    # at once

    def has_role(self, state: State, server: str, restart: str | None = None) -> bool:
        """A server is one of a holder that has a role; both have it while it is split."""
        for role, position in zip(self.movable, state.roles, strict=True):
            has = position[0] in ("held", "split") and restart in (None, role.restart)
            if has and any(server in self.servers_of(role.holders[n]) for n in position[1:]):
                return True
        return False

    def by_itself(self, server: str) -> bool:
        if server not in self._by_itself:
            own = [role for role in self.movable if any(server in self.servers_of(h) for h in role.holders)]
            self._by_itself[server] = bool(own) and all(role.failback == "automatic" for role in own)
        return self._by_itself[server]

    def with_suspensions(self, state: State) -> State:
        for n in self.in_turn:
            entry, seen = self.suspensions[n], self.seen(state)
            lost = not any(map(seen.works, entry.lost))
            bit = lost and (state.suspended[n] or all(map(seen.works, entry.works)))
            state = state._replace(suspended=put(state.suspended, n, bit))
        return state

    def with_servers(self, state: State) -> State:
        seen = self.seen(state)
        for n, server in enumerate(self.servers):
            if not seen.works(server) and not self.has_role(state, server, "in service"):
                state = state._replace(served=put(state.served, n, False))
            if self.by_itself(server) and seen.works(server) and seen.kept(server) and not seen.blocked(server):
                state = state._replace(served=put(state.served, n, True))
        shot = set()
        for role, position in zip(self.movable, state.roles, strict=True):
            if position[0] != "held" or role.partition != "keeps":
                continue
            holder = role.holders[position[1]]
            if not self.runs(state, holder) or self.left(state, role, holder):
                continue
            for n, backup in enumerate(role.holders):
                if n != position[1]:
                    shot |= {u.server for u in seen.units(backup) if seen.silence(u) and seen.fences(u)}
        for server in shot:
            if not self.has_role(state, server):
                state = state._replace(served=put(state.served, self.servers.index(server), False))
        return state

    def shut(self, state: State, holder: Holder) -> State:
        """Shut down the servers of a holder that loses a role in a takeover."""
        seen = self.seen(state)
        down = [holder.on] if holder.on else []
        for unit in filter(seen.shuts, seen.units(holder)):
            down += [unit.server, *unit.takes_down]
        for server in down:
            state = state._replace(served=put(state.served, self.servers.index(server), False))
        return state

    def fence_h(self, holder: Holder) -> float:
        units = [self.site.units[unit] for unit in holder.units]
        return max((need.time_h for unit in units for need in unit.needed if need.kind == "fence"), default=0.0)

    def gone(self, role: Role, doing: str, former: int) -> Position:
        """A position of a role that nobody has; it remembers who had it where that matters."""
        recalled = role.operator_places != "preferred"
        if doing == "on its way":
            recalled = recalled or len({self.fence_h(holder) for holder in role.holders}) > 1
        return (doing, former if recalled else 0)

    def moved(self, role: Role, former: int, target: int) -> Position:
        """decided: a failback without `giveback` is on its way as any takeover, the time of its fences included."""
        takes = role.switchover_h + self.fence_h(role.holders[former])
        return self.gone(role, "on its way", former) if takes > 0 else ("held", target)

    def given_back(self, role: Role, former: int) -> Position:
        if role.giveback_h is None:
            return self.moved(role, former, 0)
        return self.gone(role, "planned", former) if role.giveback_h > 0 else ("held", 0)

    def due(self, state: State) -> list[tuple[int, int, int, float]]:
        """Takeovers that are called for: role, from where, to whom, time until the loss is detected."""
        result = []
        for r, (role, position) in enumerate(zip(self.movable, state.roles, strict=True)):
            if position[0] == "held" and self.left(state, role, role.holders[position[1]]):
                target = self.taker(state, role, position[1])
                if target is not None:
                    wait = self.seen(state).detection(role, role.holders[position[1]])
                    result.append((r, position[1], target, wait))
        return result

    def take_over(self, state: State, due: list[tuple[int, int, int]], spurious: bool = False) -> list[Outcome]:
        """One takeover of all that begin now: a success, and a failure.

        decided: failbacks at the same instant are no part of it; what follows at the same instant is (`settle`).
        """
        seen = self.seen(state)
        good = bad = state
        share, fences, split = 1.0, {}, []
        for r, place, target in due:
            role, holder = self.movable[r], self.movable[r].holders[place]
            share = min(share, seen.coverage(role, holder))
            for unit in seen.units(holder):
                if seen.real_loss(unit) or seen.silence(unit):
                    fences[unit.id] = [n.coverage for n in unit.needed if n.kind == "fence" and seen.met(n)]
            bad = self.shut(bad, holder)
            again = role.retry_coverage > 0 and not state.drifted[r]
            bad = bad._replace(
                roles=put(bad.roles, r, self.gone(role, "retrying" if again else "stranded", place)),
                drifted=put(bad.drifted, r, False),
            )
            if not spurious and self.splits(state, role, holder):
                split.append(role.id)
                good = good._replace(roles=put(good.roles, r, ("split", place, target)))
            else:
                good = self.shut(good, holder)
                good = good._replace(roles=put(good.roles, r, self.moved(role, place, target)))
        share *= math.prod(itertools.chain.from_iterable(fences.values()))
        if any(state.drifted[r] for r, _, _ in due):
            share = 0.0
        begun = tuple(self.movable[r].id for r, _, _ in due)
        return [Outcome(share, good, begun, tuple(split)), Outcome(1.0 - share, bad, begun)]

    def settle(self, state: State, decided: bool = False) -> list[Outcome]:
        """All that follows at once.

        decided: what begins at one instant but after the first takeover succeeds, whichever way that one went (as
        before these rules), and is found ready by that; a failback before it decides nothing.
        """
        begun: tuple[str, ...] = ()
        split: tuple[str, ...] = ()
        for _ in range(ROUNDS):
            before = state
            state = self.with_servers(self.with_suspensions(state))
            due = [entry[:3] for entry in self.due(state) if entry[3] == 0]
            after = state
            for r, (role, position) in enumerate(zip(self.movable, state.roles, strict=True)):
                # decided: so too where the present holder is lost and that is not detected yet
                away = position[0] == "held" and position[1] > 0 and r not in {entry[0] for entry in due}
                back = role.failback == "automatic" and role.failback_after_h == 0
                if away and back and self.ready(state, role, role.holders[0]):
                    after = after._replace(roles=put(after.roles, r, self.given_back(role, position[1])))
            if due:
                moved = {n: p for n, p in enumerate(after.roles) if p != state.roles[n]}
                results = [
                    each._replace(state=_moved(each.state, moved), begun=begun + each.begun, split=split + each.split)
                    for each in self.take_over(state, due)
                ]
                if not decided:
                    return [later for each in results if each.share > 0 for later in self.follow(each)]
                _, after, begun, split = results[0]
                found = [r not in {entry[0] for entry in due} and bit for r, bit in enumerate(after.drifted)]
                after = after._replace(drifted=tuple(found))
            state = self.split_ended(after)
            if state == before:
                return [Outcome(1.0, state, begun, split)]
        raise RuntimeError(f"it never comes to rest: {state}")

    def follow(self, first: Outcome) -> list[Outcome]:
        """What follows at once from a takeover that has begun."""
        return [
            Outcome(first.share * each.share, each.state, first.begun + each.begun, first.split + each.split)
            for each in self.settle(first.state, decided=True)
        ]

    def split_ended(self, state: State) -> State:
        seen = self.seen(state)
        for r, (role, position) in enumerate(zip(self.movable, state.roles, strict=True)):
            if position[0] != "split":
                continue
            i, n = position[1:]
            alive = {m: self.runs(state, role.holders[m]) for m in (i, n)}
            if not (seen.silent(role.holders[i]) and alive[i] and alive[n]):
                held = ("held", i if alive[i] or not alive[n] else n)
                state = state._replace(roles=put(state.roles, r, ("mending",) if role.split_mend_h > 0 else held))
        return state


def put(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _moved(state: State, roles: Mapping[int, Position]) -> State:
    return state._replace(roles=tuple(roles.get(n, position) for n, position in enumerate(state.roles)))
