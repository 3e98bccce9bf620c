"""Why each role is where it is: who takes it over and for what, or why nobody does; and which parts are suspended.

Each reason is a sentence with the structure function of when it is said. With roles that are a function of the failed
parts the question is what becomes of a role from its home holder on; of a sticky policy, from who holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from k2rel.errors import InputError, closest
from k2rel.logic.structure import FALSE, TRUE, Node
from k2rel.policy.rules import Policy
from k2rel.policy.sentences import Listing, Sentence, Text, listing
from k2rel.site.names import place_words
from k2rel.site.roles import Holder, Suspension, TakeoverNeed
from k2rel.site.stages import AtLeast, Stage, names_in

__all__ = ["holder_label", "holder_meant", "holders_meant", "reasons"]

Item = tuple[Node, Text]


def holder_label(holder: Holder) -> str:
    """Name a holder: by its own name, by the server that it runs on, or by its side.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [holder_label(holder) for holder in Policy(read_site("L3R")).holders("media_side")]
    ['side A', 'side B']
    """
    if holder.name is not None:
        return place_words(holder.name)
    return holder.on or f"side {holder.side}"


def holders_meant(holders: Sequence[Holder], place: str) -> list[int]:
    """Find which holders a person means: by a name, a server, a label, else by a side, which may be that of several.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> holders = read_site("L2R").roles["file_system"].holders
    >>> [holders_meant(holders, place) for place in ("server_B", "B", "C")]
    [[1], [1], []]
    """
    found = [n for n, holder in enumerate(holders) if place in (holder.name, holder.on, holder_label(holder))]
    return found[:1] or [n for n, holder in enumerate(holders) if holder.side == place]


def holder_meant(role: str, holders: Sequence[Holder], place: str) -> int:
    """Find the one holder that a person means, or say which there are."""
    found = holders_meant(holders, place)
    if len(found) == 1:
        return found[0]
    known = [holder.name or holder.on or holder.side for holder in holders]
    what = "names several of its holders" if found else "is not one of its holders"
    raise InputError(f"role {role}: '{place[:40]}' {what}{closest(place, known)}")


@lru_cache(maxsize=32)
def reasons(policy: Policy) -> tuple[Sentence, ...]:
    """Write the reasons of a site.

    Examples
    --------
    >>> from k2rel.policy.sentences import said
    >>> from k2rel.site import read_site
    >>> policy, state = Policy(read_site("L2R")), {"toe_A1": False}
    >>> [said(each.text, policy.structure.truth(range(len(policy.structure)), state)) for each in reasons(policy)
    ...  if policy.structure.value(each.when, state)]
    ['server_B takes file_system over from server_A, which has lost toe_A1']
    """
    return tuple(each for each in _Reasons(policy).all() if each.when != FALSE)


class _Reasons:
    """The reasons of one site in the making."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.s = policy, policy.structure

    def all(self) -> Iterator[Sentence]:
        for role, entry in self.policy.site.roles.items():
            if role in self.policy.site.movable:
                starts = list(enumerate(self.policy.held(role))) if self.policy.sticky else [(0, TRUE)]
                for place, at in starts:
                    yield from self._moves(role, place, at)
                    yield from self._stays(role, place, at)
            elif entry.is_service:
                (holder,) = entry.holders
                down = self._below(holder, TRUE, [*holder.needs, *([holder.quorum] if holder.quorum else [])])
                yield Sentence(self._not(self.policy.able(holder)), (holder_label(holder), " ", down))
            yield from self._lacking(role)
            if self.policy.sticky and role in self.policy.site.movable:
                yield from self._out(role)
        for each in self.policy.site.suspensions:
            yield self._suspended(each)
            if not self.policy.sticky:
                yield self._not_known(each)

    def _all(self, *nodes: Node) -> Node:
        return self.s.conjunction(nodes)

    def _any(self, nodes: Iterable[Node]) -> Node:
        return self.s.disjunction(nodes)

    def _not(self, node: Node) -> Node:
        return self.s.negation(node)

    # who takes a role over

    def _moves(self, role: str, place: int, at: Node) -> Iterator[Sentence]:
        policy, holders = self.policy, self.policy.holders(role)
        former, takes = holders[place], policy.takes(role, place)
        split = policy.split(role, place) if policy.can_split(role) else FALSE
        serves = {"neither": "neither serves", "former": f"{holder_label(former)} serves"}
        fences = listing(
            ((when, (name,)) for unit, n, when in policy.fences(former) for name in _names(policy.need_of(unit, n))),
            ", and stops it by ",
        )
        for n, holder in enumerate(holders):
            begins = f"{holder_label(holder)} takes {role} over from {holder_label(former)}"
            why = self._trouble(role, former)
            yield Sentence(self._all(at, takes[n], self._not(split)), (begins, listing(why, ", which "), fences))
            both = f"{holder_label(former)} and {holder_label(holder)} both have {role}: nothing stops "
            who = serves.get(policy.site.roles[role].split_serves, f"{holder_label(holder)} serves")
            yield Sentence(
                self._all(at, takes[n], split), (f"{both}{holder_label(former)}", listing(why, ", which "), f"; {who}")
            )

    # why nobody does

    def _stays(self, role: str, place: int, at: Node) -> Iterator[Sentence]:
        policy, holders = self.policy, self.policy.holders(role)
        former, others = holders[place], [holder for n, holder in enumerate(holders) if n != place]
        left, at_former = policy.left(role, place), holder_label(former)
        stays = self._all(at, self._not(self._any(policy.takes(role, place))))
        goes_on = self._all(policy.silent(former), self._not(left))
        yield from self._goes_on(role, former, others, self._all(stays, goes_on))
        trouble = self._trouble(role, former)
        wrong = self._any(node for node, _ in trouble)
        alone = self._not(policy.backup_in_service(role))  # nothing is wrong, but nobody would take the role over
        asked = self._all(stays, self._not(goes_on), self._any([wrong, alone]))
        unseen = self._not(self._any([left, *(self._asked_for(unit, former) for unit in former.units)]))
        seen = self._all(asked, wrong, self._not(unseen))
        yield Sentence(seen, (at_former, " ", listing(trouble), f", and no other holder takes {role} over"))
        for unit in former.units:
            missing = self._down(need for need in self._beats(unit) if need.missing == "wait")
            deaf = self._all(asked, self._not(left), self._any(node for node, _ in missing))
            down = listing(missing, one=" is down", many=" are down")
            through = self._through((TRUE, stage) for need in self._beats(unit) for stage in need.stages)
            yield Sentence(
                self._all(deaf, wrong, unseen),
                (f"nothing detects that {at_former} ", listing(trouble), ": ", down, through),
            )
            yield Sentence(
                self._all(deaf, self._not(wrong)), (f"nothing would detect a failure of {at_former}: ", down, through)
            )
            called = self._any([self._asked_for(unit, former), self._not(wrong)])
            yield self._kept_waiting(role, unit, others, self._all(asked, self._not(left), called), wrong)
        for other in others:
            lacks = self._not_ready(role, other)
            when = self._all(asked, self._any([left, self._not(wrong)]), self._any(node for node, _ in lacks))
            yield Sentence(when, (holder_label(other), *self._cannot(role, wrong), listing(lacks)))

    def _cannot(self, role: str, wrong: Node) -> Text:
        """What is wrong keeps a backup from taking over now; what is not would do so."""
        return (
            Listing(((wrong, (" cannot",)), (self._not(wrong), (" could not",)))),
            f" take {self._what(role)}over: it ",
        )

    def _what(self, role: str) -> str:
        """A role is named where there are several."""
        return f"{role} " if len(self.policy.site.movable) > 1 else ""

    def _kept_waiting(self, role: str, unit: str, others: list[Holder], asked: Node, wrong: Node) -> Sentence:
        """A takeover from a unit lacks a fence, or another thing."""
        needs = [n for n in self.policy.site.units[unit].needed if n.kind != "heartbeat" and n.missing == "wait"]
        server = self.policy.site.units[unit].server
        missing = [
            (node, ((f"the fence {name} of {server}" if need.kind == "fence" else name),))
            for need in needs
            for node, (name,) in self._down([need])
        ]
        when = self._all(asked, self._any(node for node, _ in missing))
        who = f"{holder_label(others[0])}" if len(others) == 1 else "no other holder"
        verbs = (" cannot", " could not") if len(others) == 1 else (" can", " could")
        can = Listing(((wrong, (verbs[0],)), (self._not(wrong), (verbs[1],))))
        through = self._through((TRUE, stage) for need in needs for stage in need.stages)
        return Sentence(
            when, (who, can, f" take {self._what(role)}over: ", listing(missing, "", " is down", " are down"), through)
        )

    def _goes_on(self, role: str, former: Holder, others: list[Holder], goes_on: Node) -> Iterator[Sentence]:
        """In silence the holder keeps the role, and stops the other if it has a fence for that."""
        policy, label = self.policy, holder_label(former)
        rule = f" (partition: {policy.site.roles[role].partition})"
        stopped = []
        for other in others:
            fired = [u for u, node in zip(other.units, policy.shootings(other), strict=True) if node != FALSE]
            for unit, (server, when) in zip(fired, policy.shot(role, former, other), strict=False):
                out = policy.shut_down[server] if not policy.sticky else self.s.variable(policy.placed(server))
                fences = [name for need in policy._needed(unit, "fence") for name in _names(need)]
                shot = self._all(goes_on, when, out)
                stopped.append(shot)
                text = f"{label} goes on with {role} and stops {server} by {' and '.join(fences)}: "
                yield Sentence(shot, (text, self._silence([unit], " is down", " are down"), rule))
        alone = self._all(goes_on, self._not(self._any(stopped)))
        yield Sentence(
            alone, (f"{label} goes on with {role} though ", self._silence(former.units, " is down", " are down"), rule)
        )

    # what a holder has lost, or lacks

    def _trouble(self, role: str, holder: Holder) -> list[Item]:
        """What is wrong with a holder of a role, and when: losses, votes, silence, its server out of service."""
        policy = self.policy
        units = [(name, policy.site.units[name]) for name in holder.units]
        lost = [(self._not(policy._triggers_kept(name)), unit.triggers) for name, unit in units]
        if holder.units:
            items = self._lost(holder, lost)
        else:
            items = [(self._not(policy._all_work(holder.needs)), (self._below(holder, TRUE, holder.needs),))]
        items += self._votes(holder)
        silent = self._any(map(policy._unit_unheard, holder.units))
        items.append((silent, ("is silent (", self._silence(holder.units, " is down)", " are down)"))))
        items.append((policy._abandoned(role, holder), ("is out of service",)))
        return [item for item in items if item[0] != FALSE]

    def _lost(self, holder: Holder, lost: Iterable[tuple[Node, Iterable[str]]]) -> list[Item]:
        """The triggers that a holder has lost; its own server alone, where that is one of them."""
        stages = [(guard, name) for guard, names in lost for name in names]
        own = [(guard, name) for guard, name in stages if name == holder.on == holder_label(holder)]
        down = self._any(self._all(guard, self._not(self.policy.works(name))) for guard, name in own)
        rest = [(self._all(guard, self._not(down)), name) for guard, name in stages if (guard, name) not in own]
        names = [(self._all(guard, self._not(self.policy.works(name))), (name,)) for guard, name in rest]
        return [
            (down, ("is down", self._through(own))),
            (self._any(node for node, _ in names), (listing(names, "has lost "), self._through(rest))),
        ]

    def _votes(self, holder: Holder) -> list[Item]:
        """A quorum that is not reached, with the votes that are there."""
        if not isinstance(holder.quorum, AtLeast):
            return []
        each = [self._all(*map(self.policy.works, branch)) for branch in holder.quorum.of]
        least = [self.s.at_least(count, each) for count in range(len(each) + 2)]
        there = [(self._all(least[n], self._not(least[n + 1])), (str(n),)) for n in range(len(each) + 1)]
        missing = [(self._not(self.policy.works(name)), (name,)) for branch in holder.quorum.of for name in branch]
        told = listing(missing, " (", " is missing)", " are missing)")
        return [
            (
                self._not(self.policy._quorum(holder)),
                ("has no quorum: ", listing(there), f" of {len(each)} votes", told),
            )
        ]

    def _not_ready(self, role: str, other: Holder) -> list[Item]:
        """What keeps a holder from taking a role over."""
        policy, entry = self.policy, self.policy.site.roles[role]
        units = [policy.site.units[name] for name in other.units]
        items = self._lost(other, [(TRUE, unit.triggers) for unit in units]) + self._votes(other)
        if entry.unable_backup == "waits" or not units:
            whole = self._not(self._any(node for node, _ in items))
            lacks = self._all(whole, self._not(policy._all_work(other.needs)))
            items.append((lacks, (self._below(other, whole, other.needs, f"lacks what {role} needs: "),)))
        more = listing(self._names_down((TRUE, stage) for stage in other.takeover_needs))
        through = self._through((TRUE, stage) for stage in other.takeover_needs)
        items.append((self._not(policy.takes_over(other)), ("lacks what a takeover needs: ", more, through)))
        for server in policy.servers(other):
            if (shut := policy.shut_down.get(server, FALSE)) != FALSE:
                works = self._all(shut, policy.works(server))
                items.append((works, ("is out of service" if server == other.on else f"has {server} out of service",)))
        return [item for item in items if item[0] != FALSE]

    def _lacking(self, role: str) -> Iterator[Sentence]:
        """A role that may move is with a holder that has lost no trigger, and cannot perform it."""
        policy = self.policy
        for holder, at in zip(policy.holders(role), policy.held(role), strict=True):
            if role in policy.site.movable and holder.units:
                healthy = self._all(at, policy.healthy(holder), self._not(policy.able(holder)))
                down = self._below(holder, TRUE, holder.needs, f"lacks what {role} needs: ")
                yield Sentence(healthy, (f"{holder_label(holder)} ", down))

    def _out(self, role: str) -> Iterator[Sentence]:
        """A sticky policy: who has a role is out of service, or nobody has it."""
        holders, held = self.policy.holders(role), self.policy.held(role)
        for holder, at in zip(holders, held, strict=True):
            if holder.on is not None and holder.on in self.policy.shut_down:
                out = self._all(at, self.policy.shut_down[holder.on], self.policy.works(holder.on))
                yield Sentence(out, (f"{holder_label(holder)} has {role} and is out of service",))
        where = (
            ("in takeover, waiting, or at two holders at once")
            if self.policy.can_split(role)
            else "in takeover, or waiting"
        )
        yield Sentence(self._not(self._any(held)), (f"no holder performs {role}: it is {where}",))

    def _below(self, holder: Holder, guard: Node, stages: Iterable[Stage], verb: str = "lacks ") -> Listing:
        """The stages of a holder's needs that are lost; "is down" where that is what it runs on."""
        stages = list(stages)
        own = holder.on is not None and holder.on == holder_label(holder) and holder.on in stages
        up = self.policy.works(holder.on) if own and holder.on is not None else TRUE
        rest = [(self._all(guard, up), stage) for stage in stages if not own or stage != holder.on]
        items: list[Item] = [
            (
                self._any(node for node, _ in self._names_down(rest)),
                (listing(self._names_down(rest), verb), self._through(rest)),
            )
        ]
        if own and holder.on is not None:
            items.insert(0, (self._all(guard, self._not(up)), ("is down", self._through([(guard, holder.on)]))))
        return listing(items)

    # heartbeats

    def _beats(self, unit: str) -> list[TakeoverNeed]:
        return self.policy._needed(unit, "heartbeat")

    def _silence(self, units: Iterable[str], one: str, many: str) -> Listing:
        """Heartbeats that are missing, of units whose silence is taken for a loss."""
        items = [
            (self._all(self.policy._unit_unheard(unit), node), text)
            for unit in units
            for node, text in self._down(need for need in self._beats(unit) if need.missing == "anyway")
        ]
        return listing(items, "", one, many)

    def _asked_for(self, unit: str, holder: Holder) -> Node:
        """A loss of a unit, or of its holder's quorum, is seen, or it is silent, whatever else a takeover needs."""
        kept = self._all(self.policy._triggers_kept(unit), self.policy._quorum(holder))
        seen = self._all(self._not(kept), self.policy._heartbeat(unit))
        return self._any([seen, self.policy._unit_unheard(unit)])

    def _down(self, needs: Iterable[TakeoverNeed]) -> list[tuple[Node, tuple[str]]]:
        return self._names_down((TRUE, stage) for need in needs for stage in need.stages)

    def _names_down(self, stages: Iterable[tuple[Node, Stage]]) -> list[tuple[Node, tuple[str]]]:
        """What is down of stages that are lost."""
        works, stage_works = self.policy.works, self.policy._stage
        return [
            (self._all(guard, self._not(stage_works(stage)), self._not(works(name))), (name,))
            for guard, stage in stages
            for name in names_in(stage)
        ]

    def _through(self, stages: Iterable[tuple[Node, Stage]]) -> Listing:
        """Parts that have failed, or are suspended, behind stages that are lost, through what they need."""
        policy, given = self.policy, list(stages)
        reached: dict[str, list[Node]] = {}
        order: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in reached:
                reached[name] = []
                for need in reversed(policy._needs(name)):
                    for child in reversed(names_in(need)):
                        visit(child)
                order[name] = None

        for guard, stage in given:
            for name in names_in(stage):
                visit(name)
                reached[name].append(self._all(guard, self._not(policy._stage(stage)), self._not(policy.works(name))))
        top = {name for _, stage in given for name in names_in(stage)}
        items: list[Item] = []
        for name in reversed(order):  # what needs a part comes before it
            node, itself = self._any(reached[name]), policy._itself(name)
            if name not in top:
                items.append((self._all(node, self._not(itself)), (name,)))
            if name in policy._suspensions:
                held = policy._suspended(policy._suspensions[name])
                items.append(
                    (self._all(node, itself, held), (f"suspended {name}" if name not in top else "a suspension",))
                )
            for need in policy._needs(name):
                inside = self._all(node, itself, self._not(policy._stage(need)))
                for child in names_in(need):
                    reached[child].append(self._all(inside, self._not(policy.works(child))))
        return listing(items, " (through ", ")", ")")

    # suspensions

    def _suspended(self, entry: Suspension) -> Sentence:
        policy = self.policy
        works = self._all(*map(policy.works, entry.works))
        verb = "is" if len(entry.lost) == 1 else "are"
        other = "works" if len(entry.works) == 1 else "work"
        now = (works, (f" while {_joined(entry.works)} {other}",))
        later = (self._not(works), (" and has not been returned to use since",))
        text = f"{entry.part} is suspended: {_joined(entry.lost)} {verb} down"
        return Sentence(policy.suspended_now()[entry.part], (text, listing([now, later])))

    def _not_known(self, entry: Suspension) -> Sentence:
        """Parts are lost, and what must work is gone as well: had it gone later, the part would be suspended."""
        policy, kept = self.policy, self._closure(entry.works)
        before = [self._given(self._not(policy.works(name)), kept) for name in entry.lost]
        gone = [(self._not(policy.works(name)), (name,)) for name in entry.works]
        when = self._all(*before, policy.usable_but_for_suspension(entry.part), self._any(node for node, _ in gone))
        text = f"{entry.part} would be suspended if {_joined(entry.lost)} had failed before "
        return Sentence(when, (text, listing(gone), ", which is not known here"))

    def _closure(self, names: Iterable[str]) -> set[str]:
        """Parts with all that they need, at any remove."""
        found: set[str] = set()
        todo = list(names)
        while todo:
            if (name := todo.pop()) not in found:
                found.add(name)
                todo += [child for need in self.policy._needs(name) for child in names_in(need)]
        return found

    def _given(self, root: Node, kept: set[str]) -> Node:
        """A structure function of and, or, not and at-least gates where some parts are taken to work."""
        made: dict[Node, Node] = {}
        for node in self.s.needed([root]):
            kind, parts, k, name = self.s.gate(node)
            below = [made[part] for part in parts]
            made[node] = (
                TRUE if kind == "variable" and name in kept
                else self._not(below[0]) if kind == "not"
                else self._all(*below) if kind == "and"
                else self._any(below) if kind == "or"
                else self.s.at_least(k, below) if kind == "at_least"
                else node
            )  # fmt: skip
        return made[root]


def _joined(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _names(need: TakeoverNeed) -> list[str]:
    return list(dict.fromkeys(name for stage in need.stages for name in names_in(stage)))
