"""The decorator of loops that always run compiled: by the first call from Python, once on a machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar

import numba
from numba import types

from k2rel.loops.kept import kept
from k2rel.loops.together import Callee, Whole

__all__: list[str] = []

P = ParamSpec("P")
R = TypeVar("R")

_jit: Any = numba.njit  # its stubs do not know all of its options


class Compiled(Generic[P, R]):
    """A compiled function, which Python and other compiled functions call by its name.

    Nothing is compiled before it is called. As a part of others it is taken into their code (`k2rel.loops.together`).
    """

    def __init__(self, body: Callable[P, R], *, alone: bool = False, **options: Any) -> None:
        self.body, self.alone, self.options = body, alone, options
        self.__doc__, self.__name__, self.__module__ = body.__doc__, body.__name__, body.__module__

    @cached_property
    def whole(self) -> Any:
        """What Python calls."""
        made = _jit(nogil=True, no_cfunc_wrapper=True, pipeline_class=Whole, **self.options)(self.body)
        made._cache = kept(self.body, self.options)
        return made

    @cached_property
    def callee(self) -> Any:
        """What other compiled functions call."""
        made = _jit(no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=Callee, **self.options)(self.body)
        resolved = made.get_call_template

        def of_kinds(args: Any, kws: Any) -> Any:
            # not once more for each constant that it is called with
            return resolved(tuple(map(types.unliteral, args)), {name: types.unliteral(of) for name, of in kws.items()})

        made.get_call_template = of_kinds
        return made

    @property
    def _numba_type_(self) -> Any:
        return (self.whole if self.alone else self.callee)._numba_type_

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = self.whole(*args, **kwargs)
        return result


def compiled(body: Callable[P, R]) -> Compiled[P, R]:
    """Compile a function when it is first called."""
    return Compiled(body)
