"""What is being done, in words: whoever computes says it, and whoever waits may be shown it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["doing", "under_way"]

_steps: list[str] = []  # of all threads; the last is what is shown


@contextmanager
def doing(words: str) -> Iterator[None]:
    """Say what is being done meanwhile; no words where something else shows it.

    Examples
    --------
    >>> with doing("drawing samples"):
    ...     under_way()
    'drawing samples'
    """
    _steps.append(words)
    try:
        yield
    finally:
        _steps.remove(words)


def under_way() -> str:
    """What is being done now.

    Examples
    --------
    >>> under_way()
    'computing'
    """
    return _steps[-1] if _steps else "computing"
