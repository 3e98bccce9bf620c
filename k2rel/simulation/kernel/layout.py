"""How a record of the kernel is described: a named tuple whose annotations say what each field is and how long.

That table is the only one: `allocated` and `filled` make arrays by it, and `records_abi` hands them over by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import prod
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar, get_type_hints

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__: list[str] = []

_T = TypeVar("_T")


class Kind(NamedTuple):
    """What an array holds, and the number of its dimensions."""

    dtype: Any
    dimensions: int


# arrays of floats, integers, words, bytes and integers of half the size, by the number of their dimensions
F1: TypeAlias = Annotated[NDArray[np.float64], Kind(np.float64, 1)]
F2: TypeAlias = Annotated[NDArray[np.float64], Kind(np.float64, 2)]
I1: TypeAlias = Annotated[NDArray[np.int64], Kind(np.int64, 1)]
I2: TypeAlias = Annotated[NDArray[np.int64], Kind(np.int64, 2)]
W1: TypeAlias = Annotated[NDArray[np.uint64], Kind(np.uint64, 1)]
W2: TypeAlias = Annotated[NDArray[np.uint64], Kind(np.uint64, 2)]
B1: TypeAlias = Annotated[NDArray[np.uint8], Kind(np.uint8, 1)]
B2: TypeAlias = Annotated[NDArray[np.uint8], Kind(np.uint8, 2)]
N2: TypeAlias = Annotated[NDArray[np.int32], Kind(np.int32, 2)]

ABOVE = "above"  # length of a field that is the buffer of its type as far as the fields before it go


class Field(NamedTuple):
    """A field of a record: `int`, `float` or the kind of an array, with its lengths as numbers or their names."""

    name: str
    kind: Any
    lengths: tuple[int | str, ...]


@cache
def fields(record: Any) -> tuple[Field, ...]:
    """Read the table of a record."""
    hints = get_type_hints(record, include_extras=True)
    described = ((name, *getattr(hint, "__metadata__", (hint,))) for name, hint in hints.items())
    return tuple(Field(name, kind, tuple(lengths)) for name, kind, *lengths in described)


def allocated(record: Callable[..., _T], **sizes: int) -> _T:
    """Arrays of zeros as views of one buffer of integers and one of floats, in the order of the fields.

    Examples
    --------
    >>> class Pair(NamedTuple):
    ...     state: Annotated[B1, "parts"]
    ...     age: Annotated[F2, "parts", 2]
    ...     kept: Annotated[F1, ABOVE]
    >>> pair = allocated(Pair, parts=3)
    >>> pair.age[1, 0] = 0.5
    >>> pair.state.tolist(), pair.kept.tolist()
    ([0, 0, 0], [0.0, 0.0, 0.5, 0.0, 0.0, 0.0])
    """
    ends = {np.int64: 0, np.float64: 0}  # of the buffers so far, in words of eight bytes
    places: list[tuple[Any, int, Any, tuple[int, ...]]] = []
    for _, kind, lengths in fields(record):
        buffer = np.float64 if kind.dtype is np.float64 else np.int64
        if lengths == (ABOVE,):
            places.append((buffer, 0, kind.dtype, (ends[buffer],)))
            continue
        shape = _shape(lengths, sizes)
        places.append((buffer, ends[buffer], kind.dtype, shape))
        ends[buffer] += -(-prod(shape) * np.dtype(kind.dtype).itemsize // 8)
    buffers = {dtype: np.zeros(words, dtype=dtype) for dtype, words in ends.items()}
    return record(
        *(buffers[buffer][first:].view(dtype)[: prod(shape)].reshape(shape) for buffer, first, dtype, shape in places)
    )


def filled(record: Callable[..., _T], values: Mapping[str, ArrayLike], **sizes: int) -> _T:
    """Arrays of given values, or zeros, in the kinds and lengths of the table; those without lengths as given."""
    result = []
    for name, kind, lengths in fields(record):
        shape = _shape(lengths, sizes)
        given = np.asarray(values[name], dtype=kind.dtype) if name in values else np.zeros(shape, dtype=kind.dtype)
        result.append(given.reshape(shape or given.shape))
    return record(*result)


def _shape(lengths: Sequence[int | str], sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sizes[length] if isinstance(length, str) else length for length in lengths)
