r"""How much the ways that are left out can matter: a bound on the probability that one of them would have been needed.

A way that is left out is needed when no way that is kept works and it does. Whenever any way works, one step of each
cut of the network works too, and so does each part that no way goes around. So with K "a way that is kept works" and F
"the cuts and these parts work",

.. math:: P(\text{a way left out is needed}) \le P(\bar K \wedge F),

which is computed exactly, as a decision diagram. Every cut is valid and every way may be left out of K, so that doing
without large cuts, and with a few branches of each stage, makes the bound larger, never wrong. Likewise

.. math:: P(\bar F) \le P(\bar K) = P(\bar F) + P(\bar K \wedge F).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from k2rel.drawn.choice import Choosing, Steps, spread
from k2rel.errors import ModelTooLargeError
from k2rel.logic.bdd import reduced_together
from k2rel.logic.diagram import joint_diagram
from k2rel.logic.structure import Node
from k2rel.policy.works import Works
from k2rel.rates import site_laws
from k2rel.site.model import Site

__all__ = ["Judge", "Judged"]

_BRANCHES = (8, 4, 2)  # of a stage that are looked at; fewer where that is too large
_MANY = 200  # kinds that differ in more than names, after which the fewest will do
_MOST_NODES = 100_000


@dataclass(frozen=True, slots=True)
class Judged:
    """Probability that no way at all works, at least, and that one that is left out is needed, at most."""

    cut: float
    needed: float

    @property
    def down(self) -> float:
        """Probability that no way that is kept works: at most, and exactly where all of them were looked at."""
        return self.cut + self.needed


@dataclass
class Judge:
    """Judges what is left out by the failure data of a site that has all parts of the graph."""

    site: Site
    rates: str | Path | None = None  # a table beside the registry

    def __post_init__(self) -> None:
        self.works = Works(self.site, sticky=False)
        self._known: dict[object, Judged | None] = {}

    @cached_property
    def unavailability(self) -> dict[str, float]:
        """Mean unavailability of every part."""
        laws = site_laws(self.site, rates=self.rates)
        counted = {
            name: 0.0 if part.external else law.unavailability
            for parts, of in ((self.site.components, laws.shared), (self.site.client_parts, laws.client))
            for name, part in parts.items()
            for law in [of[name]]
        }
        return counted | {name: module.unavailability for name, module in laws.raid.items()}

    def judged(self, choosing: Choosing) -> Judged | None:
        """Judge what is left out beside the ways that are kept; None where it is too large."""
        cuts = [*choosing.cuts, *self._points(choosing)]
        for branches in _BRANCHES if len(self._known) < _MANY else _BRANCHES[-1:]:
            ways = [_with_few(route.via, branches) for route in choosing.routes]
            key = self._alike(ways, cuts)
            if key not in self._known:
                self._known[key] = self._judged(choosing.kind.device, ways, cuts)
            if (found := self._known[key]) is not None:
                return found
        return None

    def _judged(self, device: str, ways: Sequence[Sequence[Any]], cuts: Iterable[Steps]) -> Judged | None:
        s = self.works.structure
        kept = s.disjunction(map(self._all, ways))
        possible = s.conjunction([self._own(device), *(s.disjunction(map(self._series, cut)) for cut in cuts)])
        try:
            needed = self._chance(s.conjunction([possible, s.negation(kept)]))
            return Judged(self._chance(s.negation(possible)), needed)
        except ModelTooLargeError:
            return None

    def _chance(self, node: Node) -> float:
        """Probability that an expression is true."""
        s = self.works.structure
        together = reduced_together(s, [node], s.variables([node]), most_nodes=_MOST_NODES)
        diagram = joint_diagram(together, tuple(together.roots))
        chances = diagram.mode_probabilities([self.unavailability[name] for name in diagram.variables])
        true = [outcome == (1,) for outcome in diagram.outcomes]
        return float(chances[true].sum())

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


def _with_few(via: Sequence[Any], most: int) -> list[Any]:
    """A path of which each stage has a few branches only, that share as little as can be."""
    few = []
    for stage in via:
        if isinstance(stage, str) or len(stage["of"]) <= most:
            few.append(stage)
        else:
            named = [[each] if isinstance(each, str) else each for each in stage["of"]]
            few.append({**stage, "of": [stage["of"][n] for n in spread(named, most)]})
    return few
