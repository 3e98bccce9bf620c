"""When a part works: it has not failed itself, what it needs works, and it is not suspended.

A part is *suspended* when parts are lost while others work (`k2rel.site.roles.Suspension`). With roles that are a
function of the failed parts that is one too, as if all had failed at one instant: it cannot know what was lost first.
A sticky policy takes it as given, by a variable that `k2rel.policy.takeover` sets and clears.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from k2rel.logic.structure import Node, Structure
from k2rel.site.model import Site
from k2rel.site.names import variable_of
from k2rel.site.roles import Suspension
from k2rel.site.stages import AtLeast, Stage

__all__ = ["Works", "once"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


def once(method: Callable[Concatenate[Any, _P], _T]) -> Callable[Concatenate[Any, _P], _T]:
    """Write expressions down once for each instance and arguments: they are asked for again and again."""

    @wraps(method)
    def found(self: Any, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (method.__name__, args, *kwargs.items())
        if key not in self.written:
            self.written[key] = method(self, *args, **kwargs)
        result: _T = self.written[key]
        return result

    return found


class Works:
    """Structure functions over "component works" of a site's parts."""

    def __init__(self, site: Site, *, sticky: bool) -> None:
        self.site = site
        self.sticky = sticky
        self.structure = Structure()
        self._works: dict[str, Node] = {}
        self.written: dict[Hashable, Any] = {}
        self._suspensions = {entry.part: entry for entry in site.suspensions}

    def works(self, name: str) -> Node:
        """Say when a component works: it has not failed, what it needs works, and it is not suspended.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> parts = Works(read_site("L2R"), sticky=False)
        >>> parts.structure.value(parts.works("server_A"), {"psu_A_1": False, "psu_A_2": False})
        False
        """
        node = self._works.get(name)
        if node is None:
            s, own = self.structure, [self._itself(name), self._all_work(self._needs(name))]
            if name in self._suspensions:
                own.append(s.negation(self._suspended(self._suspensions[name])))
            node = self._works[name] = s.conjunction(own)
        return node

    @staticmethod
    def suspended(part: str) -> str:
        """Name the variable of a sticky policy that says that a part is suspended."""
        return variable_of(part, "suspended")

    def _suspended(self, entry: Suspension) -> Node:
        return self.structure.variable(self.suspended(entry.part)) if self.sticky else self.suspends(entry)

    def suspended_now(self) -> dict[str, Node]:
        """Say for each part that can be suspended when it is, and would work but for that."""
        return {
            part: self.structure.conjunction([self.usable_but_for_suspension(part), self._suspended(entry)])
            for part, entry in self._suspensions.items()
        }

    def usable_but_for_suspension(self, part: str) -> Node:
        """A part has not failed, nor what it needs or stands in."""
        around, box = [self._itself(part), self._all_work(self._needs(part))], self._within(part)
        while box is not None:
            around.append(self.works(box))
            box = self._within(box)
        return self.structure.conjunction(around)

    def _within(self, name: str) -> str | None:
        part = self.site.components.get(name)
        return None if part is None else part.within

    def suspends(self, entry: Suspension) -> Node:
        """Say when a part is being suspended: parts are lost while others work."""
        works = [self.works(name) for name in entry.works]
        return self.structure.conjunction([self.stays_suspended(entry), *works])

    def stays_suspended(self, entry: Suspension) -> Node:
        """Say when a part that is suspended stays so, but for what it does by itself: the parts are still lost."""
        return self.structure.conjunction(self.structure.negation(self.works(name)) for name in entry.lost)

    def _itself(self, name: str) -> Node:
        """A component has not failed itself, whatever it needs."""
        own = [self.structure.variable(name)]
        # an event that takes away several parts together is a variable of its own
        for event, (parts, share) in self.site.cause_events.items():
            if name in parts and len(parts) > 1 and share > 0:
                own.append(self.structure.variable(event))
        return self.structure.conjunction(own)

    def _needs(self, name: str) -> Sequence[Stage]:
        part = self.site.components.get(name)
        return () if part is None else part.needs

    def _stage(self, stage: Stage) -> Node:
        """A component works, or at least k of some."""
        if isinstance(stage, AtLeast):
            each = [self.structure.conjunction(map(self.works, branch)) for branch in stage.of]
            return self.structure.at_least(stage.k, each)
        return self.works(stage)

    def _all_work(self, stages: Iterable[Stage]) -> Node:
        return self.structure.conjunction(map(self._stage, stages))
