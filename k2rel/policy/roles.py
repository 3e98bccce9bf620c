"""Who holds each role and who takes it over, and which servers that puts out of service.

The rules are structure functions over "component works": those of parts and single holders stand in `works` and
`leaving`. One state is answered by evaluating them, all states by compiling them; nobody else in k2rel knows a rule.

Takeover
    A role is at its home holder until a takeover from there is called for (`leaving`) and another holder is healthy,
    with what it needs to take the role over. Then the role moves, and the server of each unit whose loss was noticed,
    and the server that held the role, shut down: they are out of service. Where nothing stops a holder that is silent
    but alive, both have the role: a split.
    What no source states is a key of the role or unit (`unable_backup`, `shuts_down`, ...) and its default.
    Where no other holder can take over, the home holder goes on with what it has.
    A *preferred-side* policy makes the roles a function of the failed parts: each is at its home holder whenever
    that one is healthy. A *sticky* policy takes who holds each role, and which servers are in service, as given:
    they are variables, and `k2rel.policy.takeover` says how they change.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from k2rel.arguments import as_name
from k2rel.errors import InputError
from k2rel.logic.structure import FALSE, TRUE, Node
from k2rel.policy.leaving import Leaving
from k2rel.policy.works import once
from k2rel.site.model import Site
from k2rel.site.names import variable_of
from k2rel.site.roles import Holder, Role

__all__ = ["Roles"]


class Roles(Leaving):
    """What works and who holds each role, as structure functions.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> policy = Roles(read_site("L2R"))
    >>> at_b = policy.role_at("file_system", "B")
    >>> policy.structure.value(at_b, {"media_link_A2": False})
    True
    """

    def __init__(self, site: Site, primary: str | None = None, *, sticky: bool = False) -> None:
        super().__init__(site, sticky=sticky)
        self.primary = primary  # None: holders are asked as the file lists them
        self.home = site.sides[0] if primary is None else as_name("primary", primary)
        if self.home not in site.sides:
            only = ", ".join(site.sides[:-1]) + " and " * (len(site.sides) > 1) + site.sides[-1]
            raise InputError(f"--primary {self.home[:20]}: {site.name} has no side '{self.home[:20]}', only {only}")

    def _holders(self, role: Role) -> list[Holder]:
        """Holders in the order in which they are asked: as listed, those on the primary side first if one is given."""
        if self.primary is None:
            return list(role.holders)
        return sorted(role.holders, key=lambda holder: holder.side != self.primary)

    @property
    def apart(self) -> bool:
        """Whether some role that can move is first asked for at another side than `home`."""
        return any(self._holders(role)[0].side != self.home for role in self.site.movable.values())

    @property
    def asked_first(self) -> str:
        """Who is asked for a role first, as provenances say it."""
        first = "holders as listed" if self.primary is None and self.apart else f"preferred side {self.home}"
        blind = bool(self.site.suspensions) and not self.sticky
        return first + (", order of the failures not known" if blind else "")

    @cached_property
    def _positions(self) -> dict[str, list[tuple[Holder, Node]]]:
        """For each role its holders, in order, and when each has it."""
        if not self.sticky:
            return {name: self._position(role) for name, role in self.site.roles.items()}
        return {
            name: [
                (holder, TRUE if len(role.holders) == 1 else self.structure.variable(self.held_by(name, index)))
                for index, holder in enumerate(self.holders(name))
            ]
            for name, role in self.site.roles.items()
        }

    @staticmethod
    def held_by(role: str, index: int) -> str:
        """Name the variable of a sticky policy that says who holds a role, the holder by its place in `holders`."""
        return variable_of(role, f"held by {index}")

    def holders(self, role: str) -> list[Holder]:
        """List the holders of a role in the order in which they are asked.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> [holder.on for holder in Roles(read_site("L2R"), "B").holders("file_system")]
        ['server_B', 'server_A']
        """
        return self._holders(self.site.roles[role])

    def held(self, role: str) -> list[Node]:
        """Say when each holder has a role, in the order of `holders`; on its way, or stranded, none."""
        return [node for _, node in self._positions[role]]

    @once
    def left(self, role: str, index: int) -> Node:
        """Say when a holder gives a role away to a backup that is ready: called for, or out of service with it."""
        holder = self.holders(role)[index]
        return self.structure.disjunction([self.called(role, holder), self._abandoned(role, holder)])

    @once
    def split(self, role: str, index: int) -> Node:
        """Say when a takeover from a holder leaves both with the role."""
        holder = self.holders(role)[index]
        abandoned = self.structure.negation(self._abandoned(role, holder))
        return self.structure.conjunction([self.both(holder), abandoned])

    def splits(self) -> list[tuple[str, Holder, Holder, Node]]:
        """List the pairs of holders that can have a role at once, and when they do.

        Of a sticky policy none: who has it is given, and says nothing of a second holder.
        """
        if self.sticky:
            return []
        return [
            (role, self.holders(role)[0], other, self.structure.conjunction([takes, self.split(role, 0)]))
            for role in self.site.movable
            if self.can_split(role)
            for other, takes in zip(self.holders(role), self.takes(role), strict=True)
            if takes != FALSE
        ]

    def _abandoned(self, role: str, holder: Holder) -> Node:
        """A server of the holder is out of service, and the backup sees it; where the role says that this counts."""
        if not self.sticky or self.site.roles[role].recovered_backup == "waits":
            return FALSE
        s = self.structure
        return s.disjunction(
            s.conjunction([s.negation(s.variable(self.placed(server))), s.disjunction(self._seen_by(holder, server))])
            for server in self.servers(holder)
        )

    def _seen_by(self, holder: Holder, server: str) -> list[Node]:
        """Heartbeats of a holder's server; a server without a unit is always seen."""
        units = [unit for unit in holder.units if self.site.units[unit].server == server]
        return [self._heartbeat(unit) for unit in units] or [TRUE]

    def heartbeats(self, role: str, holder: Holder) -> list[Node]:
        """List what a backup sees a server out of service by, where the role says that this counts."""
        if self._abandoned(role, holder) == FALSE:
            return []
        return [node for server in self.servers(holder) for node in self._seen_by(holder, server)]

    def _placed(self, holder: Holder) -> list[Node]:
        """In a sticky policy, that each server of a holder has been placed in service."""
        return [self.structure.variable(self.placed(name)) for name in self.servers(holder)] if self.sticky else []

    @once
    def fit(self, role: str, holder: Holder) -> Node:
        """Say when a holder's parts let it take a role over: healthy and, where an unable backup waits, able."""
        waits = self.site.roles[role].unable_backup == "waits"
        ready = [self.healthy(holder), *([self.able(holder)] if waits else [])]
        return self.structure.conjunction([*ready, self.takes_over(holder)])

    @once
    def ready(self, role: str, holder: Holder) -> Node:
        """Say when a holder could take a role over: its parts let it, and it is in service."""
        return self.structure.conjunction([self.fit(role, holder), *self._placed(holder)])

    @once
    def willing(self, role: str, holder: Holder) -> Node:
        """Say when a holder would take a role over if nobody were ready: able and in service, if that is enough."""
        enough = self.site.roles[role].backup == "able"
        if not enough:
            return FALSE
        needs = [self.able(holder), self.takes_over(holder)]
        return self.structure.conjunction([*needs, *self._placed(holder)])

    @once
    def takes(self, role: str, index: int = 0, *, called: bool = False) -> list[Node]:
        """Say when each holder takes a role over from another one; with `called`, whether or not that is called for.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Roles(read_site("L2R"))
        >>> [policy.structure.value(node, {"fc_link_A": False}) for node in policy.takes("file_system")]
        [False, True]
        """
        s = self.structure
        everyone = self.holders(role)
        present, others = everyone[index], [n for n in range(len(everyone)) if n != index]
        noticed = TRUE if called else self.left(role, index)
        ready = {n: self.ready(role, everyone[n]) for n in others}
        for n in others if self.silent(everyone[index]) != FALSE else ():
            ready[n] = s.conjunction([ready[n], s.negation(self.goes_on(everyone[index], everyone[n]))])
        result = [FALSE] * len(everyone)
        for place, n in enumerate(others):
            result[n] = s.conjunction([noticed, ready[n], *(s.negation(ready[m]) for m in others[:place])])
        if self.site.roles[role].backup == "able":
            nobody = [s.negation(node) for node in ready.values()]
            unable = s.disjunction([s.negation(self.able(present)), self._abandoned(role, present)])
            last_hope = s.conjunction([noticed, unable, *nobody])
            able = {n: self.willing(role, everyone[n]) for n in others}
            for place, n in enumerate(others):
                earlier = [s.negation(able[m]) for m in others[:place]]
                result[n] = s.disjunction([result[n], s.conjunction([last_hope, able[n], *earlier])])
        return result

    def _position(self, role: Role) -> list[tuple[Holder, Node]]:
        """Preferred side: the home holder has the role unless another one takes it over."""
        s, takes = self.structure, self.takes(role.id)
        first, *others = self._holders(role)
        taken = s.disjunction(takes)
        if not self.can_split(role.id):
            return [(first, s.negation(taken)), *zip(others, takes[1:], strict=True)]
        split = self.split(role.id, 0)
        alone = [s.conjunction([node, s.negation(split)]) for node in takes[1:]]
        if role.split_serves == "new":
            alone = takes[1:]
        former = [s.conjunction([taken, split])] if role.split_serves == "former" else []
        return [(first, s.disjunction([s.negation(taken), *former])), *zip(others, alone, strict=True)]

    @cached_property
    def _shut_down(self) -> dict[str, Node]:
        """Servers that a takeover puts out of service, and when."""
        s = self.structure
        causes: dict[str, list[Node]] = {}
        if self.sticky:
            return {name: s.negation(s.variable(self.placed(name))) for name in self.redundant_servers}
        for name, ((first, stays), *others) in self._positions.items():
            if not others:
                continue
            moved = s.negation(stays)
            if self.can_split(name):
                moved = s.conjunction([s.disjunction(self.takes(name)), s.negation(self.split(name, 0))])
            for server, lost in self.servers_lost(first):
                causes.setdefault(server, []).append(s.conjunction([moved, lost]))
            for other, _ in others:
                for server, shot in self.shot(name, first, other):
                    idle = [s.negation(at) for at in self._busy(server)]
                    causes.setdefault(server, []).append(s.conjunction([shot, *idle]))
        return {server: s.disjunction(parts) for server, parts in causes.items()}

    def _busy(self, server: str) -> list[Node]:
        """When some role is at a holder that a server is one of."""
        positions = [each for at in self._positions.values() if len(at) > 1 for each in at]
        return [at for holder, at in positions if server in self.servers(holder)]

    def in_service(self, name: str) -> Node:
        """Say when a component works and has not been shut down by a takeover.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Roles(read_site("L2R"))
        >>> policy.structure.value(policy.in_service("server_A"), {"fc_link_A": False})
        False
        """
        shut = self._shut_down.get(name, FALSE)
        return self.structure.conjunction([self.works(name), self.structure.negation(shut)])

    @property
    def shut_down(self) -> Mapping[str, Node]:
        """For each server that a takeover can put out of service, when one does."""
        return self._shut_down

    def role_at(self, role: str, place: str) -> Node:
        """Say when a role is at a side, or at the holder of that name.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Roles(read_site("L2R"), primary="B")
        >>> policy.structure.value(policy.role_at("file_system", "B"), {})
        True
        """
        here = [at for holder, at in self._positions[role] if place in (holder.side, holder.name)]
        return self.structure.disjunction(here)

    def role_up(self, role: str) -> Node:
        """Say when a role is performed: its holder has all that the role needs.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Roles(read_site("L2R"))
        >>> policy.structure.value(policy.role_up("file_system"), {"server_A": False, "server_B": False})
        False
        """
        return self.structure.disjunction(
            self.structure.conjunction([at, self.able(holder), *self._running(holder)])
            for holder, at in self._positions[role]
        )

    def _running(self, holder: Holder) -> list[Node]:
        """In a sticky policy, that the server which performs a role has not been shut down."""
        return [self.in_service(holder.on)] if self.sticky and holder.on is not None else []

    def role_moved(self, role: str) -> Node:
        """Say when a role has left its home holder.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Roles(read_site("L2R"))
        >>> policy.structure.value(policy.role_moved("file_system"), {"switch_A": False})
        True
        """
        return self.structure.negation(self._positions[role][0][1])

    def takes_able(self, role: str) -> bool:
        """Say whether a role may go to a backup that is no more than able."""
        return self.site.roles[role].backup == "able"

    def returns_by_itself(self, server: str) -> bool:
        """Say whether a server comes back into service without an operator: all its roles that can move fail back."""
        own = [
            role.failback
            for role in self.site.movable.values()
            if any(server in self.servers(holder) for holder in role.holders)
        ]
        return bool(own) and all(failback == "automatic" for failback in own)

    def backup_in_service(self, role: str) -> Node:
        """Say when another holder than the present one stands by: in service and healthy, and a loss would be noticed.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> policy = Roles(read_site("L2R"))
        >>> ready = policy.backup_in_service("file_system")
        >>> [policy.structure.value(ready, state) for state in ({}, {"toe_B1": False}, {"toe_A1": False})]
        [True, False, False]

        With the heartbeat failed nobody notices that the present holder is lost, and nothing takes over.

        >>> policy.structure.value(ready, {"heartbeat": False})
        False
        """
        s = self.structure
        ready = []
        for place, (holder, at) in enumerate(self._positions[role]):
            others = [self._stands_by(role, other) for n, (other, _) in enumerate(self._positions[role]) if n != place]
            seen = [node for unit in holder.units for node in self._tells(unit)]
            ready.append(s.conjunction([at, *seen, s.disjunction(others)]))
        return s.disjunction(ready)

    def _stands_by(self, role: str, holder: Holder) -> Node:
        """A holder could take a role over: in service, and fit for it or, where that is enough, able."""
        s = self.structure
        shut = [s.negation(self._shut_down.get(server, FALSE)) for server in self.servers(holder)]
        enough = [self.able(holder)] if self.site.roles[role].backup == "able" else []
        return s.conjunction([s.disjunction([self.fit(role, holder), *enough]), *shut])
