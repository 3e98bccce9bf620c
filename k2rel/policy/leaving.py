"""What one holder of a role can do, and when a takeover from it is called for.

A holder is *left* when one of its units has lost a trigger and what tells of that is there; when a heartbeat is
missing whose absence is taken for a loss (*silence*); or when its quorum is gone. What else a takeover needs of the
unit it leaves, a fence or another thing, must be there, or the backup waits. In silence the holder may be as well as
before: then it is stopped by its fence or by its quorum, or both sides are active (*split*); where it could be
stopped the role's `partition` says who goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from k2rel.logic.structure import FALSE, TRUE, Node
from k2rel.policy.terms import Given
from k2rel.policy.works import Works, once
from k2rel.site.coverage import class_of, coverages, detection_times
from k2rel.site.names import variable_of
from k2rel.site.roles import Holder, TakeoverNeed
from k2rel.site.stages import Stage, names_in

__all__ = ["Leaving"]


class Leaving(Works):
    """Structure functions of single units and holders."""

    # units

    def _triggers_kept(self, unit: str) -> Node:
        return self.structure.conjunction(self.works(name) for name in self.site.units[unit].triggers)

    def _needed(self, unit: str, kind: str) -> list[TakeoverNeed]:
        return [need for need in self.site.units[unit].needed if need.kind == kind]

    def _heartbeat(self, unit: str) -> Node:
        """All heartbeats of a unit work: its loss is seen."""
        return self._all_work(stage for need in self._needed(unit, "heartbeat") for stage in need.stages)

    def _permitted(self, unit: str) -> Node:
        """What a takeover from a unit waits for is there, but for its heartbeats."""
        needs = [need for need in self.site.units[unit].needed if need.kind != "heartbeat" and need.missing == "wait"]
        return self._all_work(stage for need in needs for stage in need.stages)

    def _unit_noticed(self, unit: str) -> Node:
        """A unit has lost a trigger, its heartbeats say so, and nothing keeps a takeover waiting."""
        lost = self.structure.negation(self._triggers_kept(unit))
        return self.structure.conjunction([lost, self._heartbeat(unit), self._permitted(unit)])

    def _telling(self, unit: str) -> list[Node]:
        """Heartbeats whose absence is taken for a loss."""
        return [self._all_work(n.stages) for n in self._needed(unit, "heartbeat") if n.missing == "anyway"]

    def _awaited(self, unit: str) -> list[Node]:
        """Heartbeats that a takeover waits for."""
        return [self._all_work(n.stages) for n in self._needed(unit, "heartbeat") if n.missing == "wait"]

    def _unit_unheard(self, unit: str) -> Node:
        """Some heartbeat of a unit is missing, and none that a takeover would wait for."""
        telling = self._telling(unit)
        if not telling:
            return FALSE
        missing = self.structure.negation(self.structure.conjunction(telling))
        return self.structure.conjunction([missing, *self._awaited(unit)])

    def _unit_silent(self, unit: str) -> Node:
        """A unit is not heard, which is taken for a loss, and nothing else keeps a takeover waiting."""
        return self.structure.conjunction([self._unit_unheard(unit), self._permitted(unit)])

    def unit_called(self, unit: str) -> Node:
        """Say when a takeover from a unit is called for: its loss was noticed, or it is silent."""
        return self.structure.disjunction([self._unit_noticed(unit), self._unit_silent(unit)])

    def _unit_fenced(self, unit: str) -> Node:
        """A silent unit is stopped by its fences; those that a takeover waits for work when it begins."""
        fences = self._needed(unit, "fence")
        if not fences:
            return FALSE
        return self._all_work(stage for need in fences if need.missing == "anyway" for stage in need.stages)

    @once
    def unit_kept(self, server: str) -> Node:
        """Say when no unit of a server has lost a trigger, nor is silent where that would stop it again."""
        units = [name for name, unit in self.site.units.items() if unit.server == server]
        kept = [self._triggers_kept(unit) for unit in units]
        kept += [node for unit in units if self._is_stopped(unit) for node in self._telling(unit)]
        return self.structure.conjunction(kept)

    def _is_stopped(self, unit: str) -> bool:
        """Whether a unit that is silent can be stopped: it has a fence, or a holder that it is one of a quorum."""
        holders = [holder for role in self.site.roles.values() for holder in role.holders if unit in holder.units]
        return bool(self._needed(unit, "fence")) or any(holder.quorum is not None for holder in holders)

    def can_be_stopped(self) -> bool:
        """Whether silence can put a side out of service, so that it matters what was lost first."""
        return any(self._is_stopped(unit) and self._telling(unit) for unit in self.site.units)

    @once
    def fences(self, holder: Holder) -> list[tuple[str, int, Node]]:
        """List the fences that act when a holder is left: unit, number among what it needs, and when each does."""
        return [
            (unit, n, self.structure.conjunction([self.unit_called(unit), self._all_work(need.stages)]))
            for unit in holder.units
            for n, need in enumerate(self.site.units[unit].needed)
            if need.kind == "fence"
        ]

    def fences_of(self, holders: Iterable[Holder]) -> list[TakeoverNeed]:
        """List the fences of some holders, those of a unit that several share once."""
        units = dict.fromkeys(unit for holder in holders for unit in holder.units)
        return [need for unit in units for need in self._needed(unit, "fence")]

    def fence_times(self, holder: Holder) -> list[list[Given]]:
        """List the times that fences take when a holder is left: of each unit, whose fences act one after another."""
        each: dict[str, list[Given]] = {}
        for unit, n, _ in self.fences(holder):
            if self.need_of(unit, n).time_h > 0:
                each.setdefault(unit, []).append(Given("time_h", unit=unit, need=n))
        return list(each.values())

    def fence_h(self, holder: Holder) -> float:
        """Mean time that the fences of a holder take, those of its units at the same time [h]."""
        return max((sum(map(self.time_of, of)) for of in self.fence_times(holder)), default=0.0)

    def time_of(self, given: Given) -> float:
        """Mean time of a fence [h]."""
        return self.need_of(given.unit or "", given.need).time_h

    def need_of(self, unit: str, number: int) -> TakeoverNeed:
        """Look up one of the things that a takeover from a unit needs."""
        return self.site.units[unit].needed[number]

    def seen_by(self) -> list[Node]:
        """List what losses are seen by, of all units."""
        return [node for unit in self.site.units for node in (self._heartbeat(unit), self._permitted(unit))]

    # holders

    def able(self, holder: Holder) -> Node:
        """Say when a holder has all that the role needs, and its quorum."""
        return self._all_work([*holder.needs, *([holder.quorum] if holder.quorum is not None else [])])

    def healthy(self, holder: Holder) -> Node:
        """Say when a holder has lost no trigger."""
        if not holder.units:
            return self.able(holder)
        kept = [self._triggers_kept(unit) for unit in holder.units]
        return self.structure.conjunction([*kept, self._quorum(holder)])

    def takes_over(self, holder: Holder) -> Node:
        """Say when a holder has what it needs to take a role over, beside being healthy."""
        return self._all_work(holder.takeover_needs)

    def _quorum(self, holder: Holder) -> Node:
        return TRUE if holder.quorum is None else self._stage(holder.quorum)

    def servers(self, holder: Holder) -> list[str]:
        """List the servers that a holder is made of: the one it runs on and those of its units.

        Examples
        --------
        >>> from k2rel.policy.roles import Roles
        >>> from k2rel.site import read_site
        >>> policy = Roles(read_site("L3R"))
        >>> policy.servers(policy.holders("media_side")[0])
        ['server_1A', 'server_2A']
        """
        named = [holder.on] if holder.on else []
        return list(dict.fromkeys([*named, *(self.site.units[unit].server for unit in holder.units)]))

    @once
    def noticed(self, holder: Holder) -> Node:
        """Say when a holder has lost a trigger, or its quorum, and the loss is noticed."""
        s = self.structure
        if not holder.units:
            return s.negation(self.able(holder))
        lost = [self._unit_noticed(unit) for unit in holder.units]
        if holder.quorum is not None:
            told = [node for unit in holder.units for node in (self._heartbeat(unit), self._permitted(unit))]
            lost.append(s.conjunction([s.negation(self._quorum(holder)), *told]))
        return s.disjunction(lost)

    @once
    def undisturbed(self, holder: Holder) -> Node:
        """Say when a holder has lost nothing, and nothing would keep a takeover from it waiting."""
        kept = [self._quorum(holder)]
        for unit in holder.units:
            kept += [self._triggers_kept(unit), self._permitted(unit), *self._awaited(unit)]
        return self.structure.conjunction(kept)

    def silent(self, holder: Holder) -> Node:
        """Say when a holder is silent, and a takeover from it is called for unless it goes on with the role."""
        return self.structure.disjunction(map(self._unit_silent, holder.units))

    def unstopped(self, holder: Holder) -> Node:
        """Say when a holder is silent, and neither fences nor its quorum would stop it."""
        if holder.quorum is not None:
            return FALSE
        s = self.structure
        return s.disjunction(
            s.conjunction([self._unit_silent(unit), s.negation(self._unit_fenced(unit))]) for unit in holder.units
        )

    @staticmethod
    def placed(server: str) -> str:
        """Name the variable of a sticky policy that says that a server has been placed in service."""
        return variable_of(server, "placed in service")

    @once
    def alive(self, holder: Holder) -> Node:
        """Say when a holder could go on with the role: able, and what it runs on is there and in service."""
        able = [self.able(holder)]
        if holder.on is not None:
            able.append(self.works(holder.on))
            if self.sticky and holder.on in self.redundant_servers:
                able.append(self.structure.variable(self.placed(holder.on)))
        return self.structure.conjunction(able)

    @cached_property
    def redundant_servers(self) -> tuple[str, ...]:
        """Servers of roles that can move: a takeover puts them out of service, an operator back in."""
        movable = [(role, holder) for role in self.site.movable for holder in self.holders(role)]
        found = [server for _, holder in movable for server in self.servers(holder)]
        found += [name for _, holder in movable for unit in holder.units for name in self.site.units[unit].takes_down]
        return tuple(dict.fromkeys(found))

    def holders(self, role: str) -> list[Holder]:
        """List the holders of a role in the order in which they are asked."""
        return list(self.site.roles[role].holders)

    def called(self, role: str, holder: Holder) -> Node:
        """Say when a takeover from a holder is called for, by what has failed and by whether it goes on in silence."""
        s, silent = self.structure, self.silent(holder)
        if silent == FALSE:
            return self.noticed(holder)
        goes_on = []
        if self.site.roles[role].partition == "keeps":
            goes_on = [s.disjunction([s.negation(self.alive(holder)), self.unstopped(holder)])]
        return s.disjunction([self.noticed(holder), s.conjunction([silent, *goes_on])])

    def both(self, holder: Holder) -> Node:
        """Say when a takeover from a holder would leave it active: it is silent, alive, and nothing stops it."""
        noticed = self.structure.negation(self.noticed(holder))
        return self.structure.conjunction([self.unstopped(holder), self.alive(holder), noticed])

    def goes_on(self, former: Holder, new: Holder) -> Node:
        """Say when a holder that is silent, no more, is not taken over: another one could not perform the role."""
        s = self.structure
        if self.silent(former) == FALSE:
            return FALSE
        alone = [self.silent(former), s.negation(self.noticed(former))]
        return s.conjunction([*alone, s.negation(self.alive(new))])

    @once
    def stays_split(self, former: Holder, new: Holder) -> Node:
        """Say when two active holders stay so: the first is silent, and both are alive."""
        return self.structure.conjunction([self.silent(former), self.alive(former), self.alive(new)])

    def can_split(self, role: str) -> bool:
        """Say whether both sides of a role can become active."""
        holders = self.holders(role)
        return len(holders) > 1 and any(self.unstopped(holder) != FALSE for holder in holders)

    @once
    def shot(self, role: str, present: Holder, other: Holder) -> list[tuple[str, Node]]:
        """List the servers of a backup that the holder stops in silence, as it goes on with the role, and when."""
        fired = [(u, when) for u, when in zip(other.units, self.shootings(other), strict=True) if when != FALSE]
        if not fired or self.site.roles[role].partition != "keeps":
            return []
        s, goes_on = self.structure, [self.alive(present), self.structure.negation(self.called(role, present))]
        return [(self.site.units[unit].server, s.conjunction([when, *goes_on])) for unit, when in fired]

    def shootings(self, other: Holder) -> list[Node]:
        """Say for each unit of a backup when a holder that goes on with the role would stop it."""
        return [self.structure.conjunction([self._unit_silent(u), self._unit_fenced(u)]) for u in other.units]

    @once
    def servers_lost(self, holder: Holder) -> list[tuple[str, Node]]:
        """List the servers that shut down when a role is taken from a holder, and when each does."""
        causes = [(holder.on, TRUE)] if holder.on is not None else []
        for name in holder.units:
            unit = self.site.units[name]
            causes += [(server, self._shuts(name)) for server in (unit.server, *unit.takes_down)]
        return causes

    def _shuts(self, unit: str) -> Node:
        """When a takeover shuts a unit's server down: its own loss was noticed, it is silent, or it has a loss."""
        if self.site.units[unit].shuts_down == "lost":
            lost = self.structure.negation(self._triggers_kept(unit))
            return self.structure.disjunction([lost, self._unit_silent(unit)])
        return self.unit_called(unit)

    # what failed behind a takeover

    @once
    def causes(self, role: str, index: int) -> list[tuple[str, Node]]:
        """Say when a cause of each class of coverage stands for a holder, "" for parts that no class names.

        Causes of a loss are parts that have failed themselves. They are found from each trigger that is lost, in a unit
        whose loss is noticed, through what is down of its needs that are lost. Empty where there is one coverage.

        Examples
        --------
        >>> from k2rel.policy.roles import Roles
        >>> from k2rel.site import read_site
        >>> [cause for cause, _ in Roles(read_site("L2R")).causes("file_system", 0)]
        ['', 'server_software', 'fs_database']
        """
        entry = self.site.roles[role]
        return self._standing(self.holders(role)[index], coverages(entry)) if entry.coverage_of else []

    @once
    def detected_by(self, role: str, index: int) -> list[tuple[str, Node]]:
        """Say when a cause of each class of detection time stands for a holder; empty where there is one time."""
        entry = self.site.roles[role]
        return self._standing(self.holders(role)[index], detection_times(entry)) if entry.detection_of else []

    def _standing(self, holder: Holder, classes: Iterable[str]) -> list[tuple[str, Node]]:
        s, names = self.structure, tuple(classes)
        without: dict[tuple[str, str], Node] = {}

        # no cause of a class: said by what works, as elsewhere, so that parts that are alike are seen to be
        def spared(name: str, wanted: str) -> Node:
            if (name, wanted) not in without:
                mine = class_of(names, name, self.site.components) == wanted
                below = [kept(need, wanted) for need in self._needs(name)]
                without[name, wanted] = s.conjunction([self._itself(name) if mine else TRUE, *below])
            return without[name, wanted]

        def kept(stage: Stage, wanted: str) -> Node:
            return s.disjunction([self._stage(stage), s.conjunction(spared(name, wanted) for name in names_in(stage))])

        def stands(wanted: str) -> Node:
            if not holder.units:
                return s.negation(s.conjunction(kept(need, wanted) for need in holder.needs))
            return s.disjunction(
                s.conjunction([*self._tells(unit), s.negation(s.conjunction(
                    kept(name, wanted) for name in self.site.units[unit].triggers
                ))])
                for unit in holder.units
            )  # fmt: skip

        return [(wanted, stands(wanted)) for wanted in names]

    def _tells(self, unit: str) -> list[Node]:
        """What must be there for a loss of a unit to begin a takeover: its heartbeats unless silence does as well."""
        told = self.structure.disjunction([self._heartbeat(unit), self._unit_silent(unit)])
        return [told, self._permitted(unit)]
