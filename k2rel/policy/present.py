"""The state that a site is in at present: what has failed, where the roles are, which servers are out of service.

What a person leaves open follows by the rules: as it is when all have failed in the order given and the takeovers that
this began have succeeded. What a person says is checked against what would follow at once from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_names
from k2rel.errors import InputError, closest
from k2rel.logic.structure import BoolArray
from k2rel.policy.controls import IN_SERVICE, OUT, TakeoverTimes
from k2rel.policy.failover import raid_works
from k2rel.policy.positions import Kind
from k2rel.policy.reasons import holder_label, holder_meant
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.site.client_names import parts_meant
from k2rel.site.model import Site
from k2rel.tables import Shown
from k2rel.units import parse_duration

__all__ = ["PossibleAction", "Present", "Settling", "possible_actions", "present_of", "settling_of"]

IntArray = NDArray[np.int64]

_TAKEOVER = ("detection", "switchover")
_ROUNDS = 24
MOST_FAILED = 6
_LONGEST_AGO_H = 87_600.0


@dataclass(frozen=True, slots=True, repr=False)
class Present(Shown):
    """A state that a site is in at present.

    Parameters
    ----------
    failed : tuple of str
        Parts that have failed and are under repair, in the order in which they failed.
    since_h : tuple of float
        How long ago each failed [h]; 0 where nobody said.
    roles : tuple of (str, str)
        Roles and who has each: a holder's name, its server or its side. Roles that are not named follow by the rules.
    out_of_service, in_service : tuple of str
        Redundant servers that are out of service though they may be good, and that are in service again.

    Examples
    --------
    >>> Present(("server_A",))
    <Present server_A failed>
    """

    failed: tuple[str, ...] = ()
    since_h: tuple[float, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    out_of_service: tuple[str, ...] = ()
    in_service: tuple[str, ...] = ()

    def _line(self) -> str:
        parts = [f"{name} failed" for name in self.failed] + [f"{role} at {place}" for role, place in self.roles]
        parts += [f"{name} out of service" for name in self.out_of_service]
        parts += [f"{name} in service" for name in self.in_service]
        return ", ".join(parts) or "nothing has failed"


def present_of(
    site: Site,
    failed: Sequence[str] | str = (),
    roles: Mapping[str, str] | None = None,
    out_of_service: Sequence[str] | str = (),
    in_service: Sequence[str] | str = (),
) -> Present:
    """Read a state that a person describes; a failed part may say since when.

    Raises
    ------
    InputError
        If the site has no such part, or it is none that is shared.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> present_of(read_site("L2R"), ["server_A", "isl_1@3 h ago"])
    <Present isl_1 failed, server_A failed>
    """
    said = [_since(site, each) for each in as_names("failed", failed)]
    names = tuple(dict.fromkeys(
        name if name in site.raid_sets else parts_meant(site, [name])[0] for name, _ in said
    ))  # fmt: skip
    if len(names) < len(said):
        twice = next(name for n, (name, _) in enumerate(said) if name in [other for other, _ in said[:n]])
        raise InputError(f"failed: {twice[:80]} is named twice; name each failed part once")
    for name in names:
        _check_shared(site, name)
    if len(names) > MOST_FAILED:
        raise InputError(f"failed: at most {MOST_FAILED} parts at the same time, got {len(names)}")
    order = sorted(zip(names, (hours for _, hours in said), strict=True), key=lambda each: -each[1])
    return Present(
        tuple(name for name, _ in order),
        tuple(hours for _, hours in order),
        tuple((str(role), str(place)) for role, place in (roles or {}).items()),
        as_names("out_of_service", out_of_service),
        as_names("in_service", in_service),
    )


def _since(site: Site, text: str) -> tuple[str, float]:
    """A part, and how long ago it failed [h]; 0 where nobody says."""
    name, at, when = text.rpartition("@")
    if not at or text in site.part_ids:
        return text, 0.0
    try:
        hours = parse_duration(when.strip().removesuffix("ago").strip())
    except ValueError as error:
        raise InputError(f"failed {text[:80]}: since when, such as '3 h ago'; {error}") from None
    if not 0.0 <= hours <= _LONGEST_AGO_H:
        raise InputError(f"failed {text[:80]}: a time from now to ten years ago")
    return name, hours


def _check_shared(site: Site, name: str) -> None:
    if name not in site.components and name not in site.raid_sets and name not in site.drives:
        raise InputError(
            f"failed: {name[:80]} is a client's own part, which affects only that client and moves no role; "
            f"`k2rel failover {site.name} --fail {name[:80]}` shows what it does"
        )
    if name in site.drives:
        whose = next((entry for entry in site.raid_sets if name.startswith(entry)), "a RAID set")
        raise InputError(
            f"failed: {name[:80]} is a drive of {whose}, which is modelled as a whole; leave it out, or name "
            f"{whose} if its data are lost"
        )


@lru_cache(maxsize=8)
def settling_of(policy: Policy, times: TakeoverTimes) -> Settling | None:
    """What follows from states of a site; None where no role moves. Kept, since every state asks for it."""
    return Settling(Takeover(policy, times)) if policy.sticky else None


@dataclass(frozen=True, slots=True)
class PossibleAction:
    """Something that a person can do at present, and the state that it leads to at once."""

    kind: str  # repair, place in service, move
    of: str
    to: str
    place: int
    failed: tuple[str, ...]
    control: int


def possible_actions(settling: Settling | None, failed: Sequence[str], control: int) -> Iterator[PossibleAction]:
    """List what can be done: repairs, servers that work and are out of service, roles that another could have."""
    for part in failed:
        rest = tuple(name for name in failed if name != part)
        after = control if settling is None else int(settling.at_once([rest], np.array([control]))[0])
        yield PossibleAction("repair", part, "", 0, rest, after)
    if settling is None:
        return
    takeover, here = settling.takeover, tuple(failed)
    digits = takeover.digits[control]

    def led(column: int, value: int) -> int:
        other = digits.copy()
        other[column] = value
        return int(settling.at_once([here], takeover.encoded(other[None, :]))[0])

    for server in takeover.servers:
        column = takeover.server_column(server)
        if digits[column] == OUT and settling.works(server, failed):
            yield PossibleAction("place in service", server, "", 0, here, led(column, IN_SERVICE))
    for r, role in enumerate(takeover.roles):
        at = takeover.positions[role].all[int(digits[r])]
        for n in settling.others_ready(role, failed, control):
            if at.kind != Kind.HELD or n != at.holder:
                moved = led(r, takeover.positions[role].code(Kind.HELD, n))
                yield PossibleAction("move", role, settling.holder_name(role, n), n, here, moved)


class Settling:
    """What follows from states of failed parts and control states, until the takeovers that begin have succeeded.

    Examples
    --------
    >>> from k2rel.policy.controls import TakeoverTimes
    >>> from k2rel.policy.rules import Policy
    >>> from k2rel.site import read_site
    >>> settling = Settling(Takeover(Policy(read_site("L2R"), sticky=True), TakeoverTimes()))
    >>> settling.takeover.words(settling.control(Present(("server_A",))))
    'file_system at B, server_A out of service'
    """

    def __init__(self, takeover: Takeover) -> None:
        self.takeover = takeover
        self.site: Site = takeover.policy.site
        self._rows: dict[frozenset[str], BoolArray] = {}

    def row(self, failed: Iterable[str]) -> BoolArray:
        """Truth of what decides, when some parts have failed."""
        key = frozenset(failed)
        if key not in self._rows:
            truth = self.takeover.policy.structure.truth(self.takeover.conditions, self._state(key))
            self._rows[key] = np.array([truth[node] for node in self.takeover.conditions], dtype=np.bool_)
        return self._rows[key]

    def _state(self, failed: Collection[str]) -> dict[str, bool]:
        """Values of the variables of what has failed; a RAID set that is named has lost its data."""
        return raid_works(self.site, failed) | dict.fromkeys(failed, False)

    def at_once(self, failed: Sequence[Iterable[str]], control: IntArray) -> IntArray:
        """Control state that follows at once from each state; where takeovers cannot succeed, as they fail."""
        return self._followed(failed, control)[0]

    def settled(self, failed: Sequence[Iterable[str]], control: IntArray) -> IntArray:
        """Control state in which each state settles when takeovers that begin succeed and arrive."""
        return self._led(failed, control, _TAKEOVER)

    def begun(self, failed: Sequence[Iterable[str]], control: IntArray) -> IntArray:
        """Control state in which the takeovers of each state have been called for and will succeed."""
        return self._led(failed, control, _TAKEOVER[:1])

    def _led(self, failed: Sequence[Iterable[str]], control: IntArray, events: Collection[str]) -> IntArray:
        control, moved = self._followed(failed, control, events)
        for _ in range(_ROUNDS):
            if not moved.any():
                break
            control, moved = self._followed(failed, np.where(moved, self._next, control), events)
        return control

    def _followed(
        self, failed: Sequence[Iterable[str]], control: IntArray, events: Collection[str] = _TAKEOVER
    ) -> tuple[IntArray, BoolArray]:
        """What follows at once, and where a takeover goes on in time (to `_next`)."""
        conditions = np.array([self.row(each) for each in failed], dtype=np.bool_)
        conditions = conditions.reshape(len(failed), len(self.takeover.conditions))
        every = np.arange(len(failed))
        first = self.takeover.of_pairs(conditions, every, np.asarray(control))
        after = np.where(first.coverage > 0.0, first.settled, first.failed)
        table = self.takeover.of_pairs(conditions, every, after)
        moved = np.zeros(len(failed), dtype=np.bool_)
        self._next = after.copy()
        for n, event in enumerate(table.events):
            if event.name in events:
                here = (table.rate_per_h[n] > 0.0) & ~moved
                self._next[here] = table.leads_to[n, here]
                moved |= here
        return after, moved

    def control(self, present: Present) -> int:
        """Find the control state at present; what cannot be is refused."""
        takeover = self.takeover
        control = int(takeover.quiet[0])
        for count in range(1, len(present.failed) + 1):
            control = int(self.settled([present.failed[:count]], np.array([control]))[0])
        if not (present.roles or present.out_of_service or present.in_service):
            return control
        said = takeover.digits[control].copy()
        named = {role for role, _ in present.roles}
        for server in present.in_service:
            self._is_redundant(server, "in service")
            if server in present.out_of_service:
                raise InputError(f"{server} cannot be in service and out of service; give one of them")
            if not self.works(server, present.failed):
                raise InputError(
                    f"{server} cannot be in service while {self._why_down(server, present.failed)}; leave it out of "
                    "in_service, or out of what has failed"
                )
            said[takeover.server_column(server)] = IN_SERVICE
        for server in present.out_of_service:
            self._is_redundant(server, "out of service")
            said[takeover.server_column(server)] = OUT
        for server in present.out_of_service:  # once all are
            self._leave(said, server, present, named)
        for role, place in present.roles:
            r = self._role(role)
            said[r] = takeover.positions[role].code(Kind.HELD, holder_meant(role, takeover.policy.holders(role), place))
        found = int(takeover.encoded(said[None, :])[0])
        after = int(self.settled([present.failed], np.array([found]))[0])
        if after != found:
            raise InputError(
                f"this state is impossible: {takeover.words(found)}, {self._failed_words(present)}: at once it would "
                "become "
                f"{takeover.words(after)}; give that state, or leave roles and servers out and they follow by the rules"
            )
        return found

    def _failed_words(self, present: Present) -> str:
        return f"with {', '.join(present.failed)} failed" if present.failed else "with nothing failed"

    def works(self, server: str, failed: Sequence[str]) -> bool:
        """Say whether a server works when some parts have failed."""
        policy = self.takeover.policy
        node = policy.works(server)
        return policy.structure.truth([node], self._state(failed))[node]

    def _why_down(self, server: str, failed: Sequence[str]) -> str:
        lone = [name for name in failed if not self.works(server, [name])]
        return f"{' and '.join(lone or failed)} {'has' if len(lone or failed) == 1 else 'have'} failed"

    def _is_redundant(self, server: str, what: str) -> None:
        if server not in self.takeover.servers:
            known = self.takeover.servers
            raise InputError(
                f"{what}: '{server[:40]}' is not a server that can be out of service"
                f"{closest(server, known) if known else f'; {self.site.name} has none'}"
            )

    def _role(self, role: str) -> int:
        if role not in self.takeover.roles:
            known = self.takeover.roles
            raise InputError(
                f"role: '{role[:40]}' is not a role that can move"
                f"{closest(role, known) if known else f'; {self.site.name} has none'}"
            )
        return self.takeover.roles.index(role)

    def holder_name(self, role: str, place: int) -> str:
        """Name a holder of a role."""
        return holder_label(self.takeover.policy.holders(role)[place])

    def roles_words(self, control: int) -> dict[str, str]:
        """Who has each role, or what becomes of it, in a control state."""
        result = {}
        for role, code in zip(self.takeover.roles, self.takeover.digits[control].tolist(), strict=False):
            at = self.takeover.positions[role].all[code]
            held = at.kind == Kind.HELD and at.holder is not None
            result[role] = self.holder_name(role, at.holder or 0) if held else at.kind.name.lower().replace("_", " ")
        return result

    def servers_out(self, control: int) -> tuple[str, ...]:
        """Servers that are not in service in a control state."""
        digits = self.takeover.server_digits[control].tolist()
        return tuple(name for name, at in zip(self.takeover.servers, digits, strict=True) if at != IN_SERVICE)

    def others_ready(self, role: str, failed: Sequence[str], control: int) -> list[int]:
        """Holders of a role that could be given it by hand: those that are ready."""
        policy = self.takeover.policy
        controls = self.takeover.variables(np.array([control]))
        here = self._state(failed) | {name: bool(value[0]) for name, value in controls.items()}
        ready = [policy.ready(role, holder) for holder in policy.holders(role)]
        truth = policy.structure.truth(ready, here)
        return [n for n, node in enumerate(ready) if truth[node]]

    def _leave(self, said: IntArray, server: str, present: Present, named: set[str]) -> None:
        """Roles of a server that is out of service are with another holder that is ready, if there is one."""
        takeover, policy = self.takeover, self.takeover.policy
        state = self._state(present.failed)
        for r, role in enumerate(takeover.roles):
            holders = policy.holders(role)
            at = takeover.positions[role].all[int(said[r])]
            if role in named or at.kind != Kind.HELD or server not in policy.servers(holders[at.holder or 0]):
                continue
            controls = takeover.variables(takeover.encoded(said[None, :]))
            here = state | {name: bool(value[0]) for name, value in controls.items()}
            for n, holder in enumerate(holders):
                ready = policy.ready(role, holder)
                if n != at.holder and policy.structure.truth([ready], here)[ready]:
                    said[r] = takeover.positions[role].code(Kind.HELD, n)
                    break
