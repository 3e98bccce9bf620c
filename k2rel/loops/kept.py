"""Compiled code kept on disk, found again by what it was made of.

Numba asks whether the file of a function is the one that was compiled: an edit anywhere in it compiles all its
functions anew, and a function that it calls in another file may have changed unseen. Here the name of what is kept says
what the code does: operations and constants of the function and of all compiled ones that it calls, options, argument
types and processor. An upgrade that leaves these alone finds it, and nothing stale is ever found. Each is a file of its
own, put in place whole, so that any number of processes may write at the same time.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, NullCache, _Cache
from numba.core.serialize import dumps

from k2rel.claims import claimed_name, put_in_place, remove_unclaimed

__all__: list[str] = []

_SHOWN = 20  # digits of a digest in a file's name
_SUM = 32  # bytes of the checksum that a file begins with


@cache
def _how() -> str:
    """What compiles: the sources of this folder, Numba and Python."""
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return f"{hashlib.sha256(sources).hexdigest()} {numba.__version__} {sys.implementation.cache_tag}"


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _value(value: Any) -> str:
    """Write down a constant that a function takes from its module."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | tuple | np.generic):
        return f"{type(value).__name__} {value!r}"
    return f"{getattr(value, '__module__', '')} {getattr(value, '__qualname__', type(value).__qualname__)}"


def operations(body: Callable[..., Any]) -> str:
    """Write down what a function does and all that it calls: a digest, the same whatever stands around it."""
    said = hashlib.sha256(_how().encode())
    seen: set[int] = set()
    _say(body, said.update, seen)
    return said.hexdigest()


def _say(body: Any, say: Callable[[bytes], None], seen: set[int]) -> None:
    if id(body) in seen:
        return
    seen.add(id(body))
    assert isinstance(body, FunctionType)
    for code in _codes(body.__code__):
        constants = [c for c in code.co_consts if c != body.__doc__ and not isinstance(c, CodeType)]
        say(repr((code.co_name, code.co_varnames, code.co_names, constants, body.__defaults__)).encode())
        say(code.co_code)
        for name in code.co_names:
            value = body.__globals__.get(name)
            called = getattr(value, "body", None)
            if isinstance(called, FunctionType):
                say(f"calls {name} {getattr(value, 'options', '')}".encode())
                _say(called, say, seen)
            elif isinstance(value, ModuleType):
                used = (other for other in code.co_names if hasattr(value, other))
                say("\n".join(f"{value.__name__}.{other} {_value(getattr(value, other))}" for other in used).encode())
            elif value is not None:
                say(f"{name} {_value(value)}".encode())


class Kept(_Cache):
    """Where Numba looks for the code of one function, and puts it."""

    def __init__(self, impl: CompileResultCacheImpl, name: str, digest: str) -> None:
        self._impl = impl
        self._folder = Path(impl.locator.get_cache_path())
        self._name, self._digest = f"k2rel-{name}-", digest

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def _file(self, signature: Any, codegen: Any) -> Path:
        which = hashlib.sha256(f"{signature} {codegen.magic_tuple()}".encode()).hexdigest()
        return self._folder / f"{self._name}{self._digest[:_SHOWN]}-{which[:_SHOWN]}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Find the code for these types of arguments; None where there is none, or not what had been written."""
        target_context.refresh()
        try:
            said = self._file(sig, target_context.codegen()).read_bytes()
        except OSError:
            return None
        payload = said[_SUM:]
        if hashlib.sha256(payload).digest() != said[:_SUM]:
            return None  # damaged: what is run is machine code, and nothing else would notice
        return self._impl.rebuild(target_context, pickle.loads(payload))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code, if that can be done, in place of what an older source left."""
        if not self._impl.check_cachable(data):
            return
        file = self._file(sig, data.codegen)
        with contextlib.suppress(OSError):
            self._impl.locator.ensure_cache_path()
            remove_unclaimed(self._folder)
            with claimed_name(file) as beside:
                payload = dumps(self._impl.reduce(data))
                beside.write_bytes(hashlib.sha256(payload).digest() + payload)
                put_in_place(beside, file, keep=False)  # what is there is the same
            for other in self._folder.glob(f"{self._name}*.nbc"):
                if not other.name.startswith(f"{self._name}{self._digest[:_SHOWN]}"):
                    other.unlink(missing_ok=True)

    def enable(self) -> None:
        """Nothing to do: what has such a cache uses it."""

    def disable(self) -> None:
        """Nothing to do, likewise."""

    def flush(self) -> None:
        """Forget what is kept."""
        for file in self._folder.glob(f"{self._name}*.nbc"):
            file.unlink(missing_ok=True)


def kept(body: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Give the cache of a function: beside its file, in the user's folder, or none where nothing can be written."""
    try:
        impl = CompileResultCacheImpl(body)
    except RuntimeError:
        return NullCache()
    digest = hashlib.sha256(f"{operations(body)} {sorted(options.items())}".encode()).hexdigest()
    name = f"{body.__module__.rpartition('.')[2]}.{body.__qualname__}-{sys.implementation.cache_tag}"
    return Kept(impl, name.replace("<", "").replace(">", ""), digest)
