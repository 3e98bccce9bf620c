"""Parts that are down though they have not failed themselves: something that they need does not work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from k2rel.logic.structure import Node
from k2rel.policy.rules import Policy
from k2rel.site.stages import AtLeast, names_in

__all__: list[str] = []


@dataclass(frozen=True, slots=True)
class Want:
    """When a part is down for lack of others, and what it then lacks of what it needs."""

    when: Node
    lacks: tuple[tuple[str, Node], ...]

    def nodes(self) -> Iterator[Node]:
        """Structure functions that it depends on."""
        yield self.when
        yield from (node for _, node in self.lacks)


@lru_cache(maxsize=32)
def wants(policy: Policy) -> Mapping[str, Want]:
    """The shared parts of a site that need others, with what each may lack.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> [name for name, _ in wants(Policy(read_site("L2R")))["server_A"].lacks]
    ['software_A', 'psu_A_1', 'psu_A_2']
    """
    s, found = policy.structure, {}
    for name, part in policy.site.components.items():
        lacks = []
        for need in part.needs:
            ways = [s.conjunction(map(policy.works, way)) for way in need.of] if isinstance(need, AtLeast) else []
            met = s.at_least(need.k, ways) if isinstance(need, AtLeast) else policy.works(need)
            lacks += [
                (each, s.conjunction([s.negation(met), s.negation(policy.works(each))])) for each in names_in(need)
            ]
        if lacks:
            wrong = s.disjunction(node for _, node in lacks)
            found[name] = Want(s.conjunction([s.variable(name), wrong]), tuple(lacks))
    return found


def wanting(every: Mapping[str, Want], truth: Mapping[Node, bool]) -> dict[str, tuple[str, ...]]:
    """The parts that are down for lack of others, each with what is behind that: what has failed itself."""

    def behind(name: str) -> Iterator[str]:
        want = every.get(name)
        if want is None or not truth[want.when]:
            yield name
            return
        for lacked, node in want.lacks:
            if truth[node]:
                yield from behind(lacked)

    return {name: tuple(dict.fromkeys(behind(name))) for name, want in every.items() if truth[want.when]}


def spelled_wants(every: Mapping[str, Want], place: Mapping[Node, int]) -> list[Any]:
    """The same as plain data, which the script of a page follows."""
    return [
        [name, place[want.when], [[lacked, place[node]] for lacked, node in want.lacks]] for name, want in every.items()
    ]
