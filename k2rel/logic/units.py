"""Parts that act through one gate alone are one unit: supplies with what they feed, a switch with its cards.

A gate whose arguments stand nowhere else is a module (Z. W. Birnbaum and J. D. Esary, SIAM J. Appl. Math. 13 (1965)
444), and so are arguments that stand together in every gate that has one of them. Both are read once, so that their
unavailability follows at once from that of what they hold; what is left to decide has fewer variables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from k2rel.logic.structure import FALSE, TRUE, Node, Structure

__all__ = ["Unit", "united"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A variable, or a gate over units that stand nowhere else."""

    kind: str
    k: int = 0
    name: str = ""
    of: tuple[Unit, ...] = ()

    def unavailability(self, of: Mapping[str, Any]) -> Any:
        """Give its unavailability from those of its variables, numbers or arrays; complex ones carry a derivative."""
        if self.kind == "variable":
            return of[self.name]
        parts = [part.unavailability(of) for part in self.of]
        if self.kind == "not":
            return 1.0 - parts[0]
        if self.kind == "or":
            return np.prod(np.stack([np.asarray(part) for part in parts]), axis=0)[()]
        failed = [1.0 + 0.0 * parts[0]]  # by how many have failed, up to as many as are too many
        most = 1 if self.kind == "and" else len(parts) - self.k + 1
        for q in parts:
            longer = [0.0 * q for _ in range(min(len(failed) + 1, most + 1))]
            for n, p in enumerate(failed):
                gone = n == most
                longer[n] = longer[n] + (p if gone else p * (1.0 - q))
                if not gone:
                    longer[n + 1] = longer[n + 1] + p * q
            failed = longer
        return failed[most] if len(failed) > most else 0.0 * parts[0]

    def variables(self) -> list[str]:
        """Its variables."""
        return [self.name] if self.kind == "variable" else [name for part in self.of for name in part.variables()]


def united(structure: Structure, roots: Sequence[Node]) -> tuple[Structure, list[Node], dict[str, Unit]]:
    """Write functions over units instead of variables.

    Examples
    --------
    >>> s = Structure()
    >>> a, b, c, d = (s.variable(name) for name in "abcd")
    >>> fed = s.conjunction([a, s.disjunction([b, c])])
    >>> _, _, units = united(s, [s.conjunction([fed, d]), s.negation(fed)])
    >>> sorted(sorted(unit.variables()) for unit in units.values())
    [['a', 'b', 'c'], ['d']]
    """
    kind: dict[Node, tuple[str, int]] = {}
    arguments: dict[Node, list[Node]] = {}
    unit: dict[Node, Unit] = {}
    for node in structure.needed(roots):
        what, parts, k, name = structure.gate(node)
        if what == "variable":
            unit[node] = Unit("variable", name=name)
        elif node not in (FALSE, TRUE):
            kind[node], arguments[node] = (what, k), list(parts)
    fixed = {FALSE, TRUE}
    rooted = set(roots)
    new = max([TRUE, *kind, *unit]) + 1
    changed = True
    while changed:
        changed = False
        parents: dict[Node, list[Node]] = {}
        for gate, listed in arguments.items():
            for part in listed:
                parents.setdefault(part, []).append(gate)
        for gate in list(arguments):
            own = arguments[gate]
            alone = all(part in unit and parents[part] == [gate] and part not in rooted for part in own)
            if alone and kind[gate][0] in ("and", "or", "not", "at_least") and not fixed.intersection(own):
                what, k = kind.pop(gate)
                unit[gate] = Unit(what, k, of=tuple(unit.pop(part) for part in arguments.pop(gate)))
                changed = True
        if changed:
            continue
        together: dict[tuple[str, tuple[Node, ...]], list[Node]] = {}
        for part, above in parents.items():
            kinds = {kind[gate][0] for gate in above}
            if part in unit and part not in rooted and len(kinds) == 1 and kinds <= {"and", "or"}:
                together.setdefault((next(iter(kinds)), tuple(above)), []).append(part)
        for (what, gates), alike in together.items():
            if len(alike) > 1:
                unit[new] = Unit(what, of=tuple(unit.pop(part) for part in alike))
                gone = set(alike)
                for gate in gates:
                    arguments[gate] = [part for part in arguments[gate] if part not in gone] + [new]
                new += 1
                changed = True
    return _rewritten(structure, roots, kind, arguments, unit)


def _rewritten(
    structure: Structure,
    roots: Sequence[Node],
    kind: Mapping[Node, tuple[str, int]],
    arguments: Mapping[Node, list[Node]],
    unit: Mapping[Node, Unit],
) -> tuple[Structure, list[Node], dict[str, Unit]]:
    """The functions in a structure of their own, units as its variables."""
    result = Structure()
    done: dict[Node, Node] = {FALSE: FALSE, TRUE: TRUE}
    units: dict[str, Unit] = {}
    make = {"and": result.conjunction, "or": result.disjunction, "xor": result.exclusive_or}
    stack = list(reversed(roots))
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        if node in unit:
            name = unit[node].name or f"unit {len(units)}"
            units[name] = unit[node]
            done[node] = result.variable(name)
            continue
        missing = [part for part in arguments[node] if part not in done]
        if missing:
            stack += reversed(missing)
            continue
        given = [done[part] for part in arguments[node]]
        what, k = kind[node]
        if what == "not":
            done[node] = result.negation(given[0])
        elif what == "ite":
            done[node] = result.if_then_else(given[0], given[1], given[2])
        elif what == "at_least":
            done[node] = result.at_least(k, given)
        else:
            done[node] = make[what](given)
    return result, [done[root] for root in roots], units
