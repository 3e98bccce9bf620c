"""What a path crosses, or a part needs: one part, or at least k of several branches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["AtLeast", "Need", "Stage", "named", "names_in", "role_in", "subscription_in"]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least `k` of the branches `of`, each a series of parts; load through it is shared by those that work."""

    k: int
    of: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        """As in a file: a series of one part is that part."""
        return f"AtLeast(k={self.k}, of={tuple(each[0] if len(each) == 1 else each for each in self.of)})"


Need = str | AtLeast
Stage = str | AtLeast


def names_in(stage: Stage) -> tuple[str, ...]:
    """Components that a stage of a path, or a need, names."""
    return tuple(name for branch in stage.of for name in branch) if isinstance(stage, AtLeast) else (stage,)


def named(stages: Iterable[Stage]) -> Iterator[str]:
    """Components that any of some stages names."""
    return (name for stage in stages for name in names_in(stage))


def subscription_in(name: str) -> str | None:
    """Subscription that ``@NAME`` refers to; None where a name refers to a component or side itself."""
    return name[1:] if name.startswith("@") else None


def role_in(prefer: str) -> str | None:
    """Role that ``role NAME`` refers to; None where the path is preferred by something else."""
    return prefer[5:] if prefer.startswith("role ") else None
