"""What parts need, followed to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from k2rel.site.model import Component
from k2rel.site.stages import named

__all__ = ["cannot_do_without", "with_needs"]


def with_needs(names: Iterable[str], components: Mapping[str, Component]) -> set[str]:
    """Parts, and all that they need, alone or beside others."""
    return _followed(names, lambda name: named(components[name].needs) if name in components else ())


def cannot_do_without(names: Iterable[str], components: Mapping[str, Component]) -> set[str]:
    """Parts, and what they need by name, so that they are lost with it."""

    def by_name(name: str) -> Iterator[str]:
        return (need for need in (components[name].needs if name in components else ()) if isinstance(need, str))

    return _followed(names, by_name)


def _followed(names: Iterable[str], below: Callable[[str], Iterable[str]]) -> set[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += below(name)
    return found
