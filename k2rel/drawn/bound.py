r"""How much the ways that are left out can matter: a bound on the probability that one of them would have been needed.

A way that is left out is needed when no way that is kept works and it does. Whenever any way works, one step of each
cut of the network works too, and so does each part that no way goes around. So with K "a way that is kept works" and F
"the cuts and these parts work",

.. math:: P(\text{a way left out is needed}) \le P(\bar K \wedge F),

which is computed exactly, as a decision diagram. All cuts are valid, so that leaving out large ones makes the bound
larger, never wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from k2rel.drawn.choice import Choosing
from k2rel.errors import InputError, ModelTooLargeError
from k2rel.logic.diagram import compile_diagram
from k2rel.logic.structure import Node
from k2rel.policy.works import Works
from k2rel.rates import site_laws
from k2rel.site.model import Site

__all__ = ["Judge", "Judged"]

_LARGEST_CUT = 16

Steps = Sequence[tuple[str, ...]]
"""A cut: alternatives, of each of which all parts must work."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Probability that no way that is kept works, and the bound."""

    down: float
    needed: float


@dataclass
class Judge:
    """Judges what is left out by the failure data of a site that has all parts of the graph."""

    site: Site

    def __post_init__(self) -> None:
        self.works = Works(self.site, sticky=False)
        self._known: dict[object, Judged | None] = {}

    @cached_property
    def unavailability(self) -> dict[str, float]:
        """Mean unavailability of every part; nothing where some part has no failure data."""
        try:
            laws = site_laws(self.site)
        except InputError:
            return {}
        counted = {
            name: 0.0 if part.external else law.unavailability
            for parts, of in ((self.site.components, laws.shared), (self.site.client_parts, laws.client))
            for name, part in parts.items()
            for law in [of[name]]
        }
        return counted | {name: module.unavailability for name, module in laws.raid.items()}

    def judged(self, choosing: Choosing) -> Judged | None:
        """Judge what is left out beside the ways that are kept; None without failure data, or where it is too large."""
        if not self.unavailability:
            return None
        ways, cuts = [route.via for route in choosing.routes], [*self._cuts(choosing), *self._points(choosing)]
        key = self._alike(ways, cuts)
        if key not in self._known:
            self._known[key] = self._judged(choosing.kind.device, ways, cuts)
        return self._known[key]

    def _judged(self, device: str, ways: Sequence[Sequence[Any]], cuts: Iterable[Steps]) -> Judged | None:
        s = self.works.structure
        kept = s.disjunction(map(self._all, ways))
        needed = s.conjunction([self._own(device), *(s.disjunction(map(self._series, cut)) for cut in cuts)])
        try:
            diagram = compile_diagram(s, [kept, needed])
        except ModelTooLargeError:
            return None
        q = [self.unavailability[name] for name in diagram.variables]
        found = dict(zip(diagram.outcomes, diagram.mode_probabilities(q).tolist(), strict=True))
        down = sum(value for outcome, value in found.items() if outcome in ((False, True), (False, False)))
        return Judged(down, found.get((False, True), 0.0))

    def _alike(self, ways: Sequence[Sequence[Any]], cuts: Sequence[Steps]) -> object:
        """What two kinds have in common that differ in names alone, so that one is judged for both."""
        places: dict[str, tuple[object, ...]] = {}

        def place(name: str) -> tuple[object, ...]:
            if name not in places:
                part = self.site.described.get(name)
                own = name if part is not None and part.needs else ""
                places[name] = (len(places), self.unavailability[name], own)
            return places[name]

        def stage(one: Any) -> object:
            if isinstance(one, str):
                return place(one)
            return one["at_least"], tuple(
                tuple(map(place, [each] if isinstance(each, str) else each)) for each in one["of"]
            )

        return (
            tuple(tuple(map(stage, way)) for way in ways),
            tuple(tuple(tuple(map(place, step)) for step in cut) for cut in cuts),
        )

    def _own(self, name: str) -> Node:
        """A part works, a client's own or a shared one, and what it needs."""
        if name not in self.site.client_parts:
            return self.works.works(name)
        s = self.works.structure
        return s.conjunction([s.variable(name), self._all(self.site.client_parts[name].needs)])

    def _all(self, stages: Iterable[Any]) -> Node:
        return self.works.structure.conjunction(map(self._stage, stages))

    def _stage(self, stage: Any) -> Node:
        """A stage of a path as a file has it, or as the record of a need."""
        s = self.works.structure
        if isinstance(stage, str):
            return self._own(stage)
        k, of = (stage["at_least"], stage["of"]) if isinstance(stage, dict) else (stage.k, stage.of)
        return s.at_least(k, [self._series([b] if isinstance(b, str) else b) for b in of])

    def _series(self, names: Sequence[str]) -> Node:
        return self.works.structure.conjunction(map(self._own, names))

    def _cuts(self, choosing: Choosing) -> Iterable[Steps]:
        """Of each cut one step works."""
        network, ports = choosing.network, choosing.kind.ports
        switches = [port.switch for port in ports]
        yield [(port.part, port.switch) for port in ports]
        for cut in (*network.layers(switches), *network.layers_before(switches)):
            if len(cut) <= _LARGEST_CUT:
                yield [tuple(name for name in step if name is not None) for step in cut]

    def _points(self, choosing: Choosing) -> Iterable[Steps]:
        """Parts that no way goes around, among those that every way that is kept crosses."""
        network, ports = choosing.network, choosing.kind.ports
        for name in sorted(choosing.common):
            if name in self.site.client_parts:
                around = len(ports) > 1
            else:
                left = network.left_without(name)
                around = any(port.switch in left for port in ports)
            if not around:
                yield [(name,)]
