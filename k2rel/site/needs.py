"""What parts need, followed to the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from k2rel.site.model import Component
from k2rel.site.stages import named

__all__ = ["with_needs"]


def with_needs(names: Iterable[str], components: Mapping[str, Component]) -> set[str]:
    """Parts, and all that they need, alone or beside others."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += named(components[name].needs) if name in components else ()
    return found
