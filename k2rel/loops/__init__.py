"""Loops over arrays, compiled by Numba when that pays.

Numba takes half a second to load, more than a small site needs for its whole answer. A loop is written once; run in
Python or compiled it does the same operations in the same order and gives the same bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar

__all__: list[str] = []

P = ParamSpec("P")
R = TypeVar("R")

_WORTH_LOADING = 200_000  # steps, about as long in Python as Numba takes to load
_done_in_python = 0


class Loop(Generic[P, R]):
    """A loop, decorated; called by its name, as loops call each other, it runs in Python.

    Compiled loops that call it get the compiled one: Numba asks for `_numba_type_`.
    """

    def __init__(self, body: Callable[P, R]) -> None:
        self.body = body
        self.__doc__, self.__name__, self.__module__ = body.__doc__, body.__name__, body.__module__

    @cached_property
    def compiled(self) -> Callable[P, R]:
        """What Numba makes of it."""
        from k2rel.loops.compiled import compiled

        return compiled(self.body)

    @property
    def _numba_type_(self) -> Any:
        return self.compiled._numba_type_  # type: ignore[attr-defined]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.body(*args, **kwargs)

    def run(self, steps: int, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run about that many steps: in Python until all such loops took as long as loading Numba would."""
        global _done_in_python
        if "numba" not in sys.modules:
            _done_in_python += steps
            if _done_in_python <= _WORTH_LOADING:
                return self.body(*args, **kwargs)
        return self.compiled(*args, **kwargs)
