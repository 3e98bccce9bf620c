"""Named tuples of arrays as one pointer inside compiled code.

Numba passes a named tuple by value, array by array: a hundred arrays make every call of a small function hundreds of
words long. Here a record is laid out as a table of addresses and lengths; a compiled function gets the table's
address, and ``record.field`` is an array without an owner: whoever calls keeps the record alive. The fields are part of
the type, so code in Numba's cache is never used with another layout.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np import arrayobj
from numba.np.numpy_support import from_dtype
from numpy.typing import NDArray

from k2rel.simulation.kernel.layout import fields

__all__ = ["RecordPointer", "laid_out"]

_T = TypeVar("_T")

_NUMBERS = {int: types.int64, float: types.float64}
_WORDS = 4  # address and up to three lengths
_SOURCE = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()  # how records are read is part of what is compiled


class RecordType(types.Type):
    """A record in compiled code: the address of its table."""

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.fields = fields
        super().__init__(name=f"Record({name}: {', '.join(f'{n} {t}' for n, t in fields)}; {_SOURCE})")


@register_model(RecordType)
class _RecordModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: RecordType) -> None:
        super().__init__(manager, fe_type, ir.IntType(64))


@infer_getattr
class _Fields(AttributeTemplate):
    key = RecordType

    def generic_resolve(self, record: RecordType, name: str) -> Any:  # type: ignore[override]
        return dict(record.fields).get(name)


@lower_getattr_generic(RecordType)
def _load(context: Any, builder: Any, record: RecordType, value: Any, name: str) -> Any:
    place = [field for field, _ in record.fields].index(name)
    kind = record.fields[place][1]
    word = ir.IntType(64)
    table = builder.inttoptr(value, word.as_pointer())

    def entry(n: int) -> Any:
        return builder.load(builder.gep(table, [ir.Constant(word, _WORDS * place + n)]))

    if kind is types.int64:
        return entry(0)
    if kind is types.float64:
        return builder.bitcast(entry(0), ir.DoubleType())
    array = context.make_array(kind)(context, builder)
    lengths = [entry(1 + n) for n in range(kind.ndim)]
    size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    strides = [ir.Constant(word, size)]
    for length in reversed(lengths[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(entry(0), array.data.type),
        shape=lengths,
        strides=strides,
        itemsize=ir.Constant(word, size),
        meminfo=None,
    )
    return array._getvalue()


@cache
def _record_type(record: Any) -> RecordType:
    """Give the compiled type of a record."""

    def compiled(kind: Any) -> Any:
        return (
            _NUMBERS[kind] if kind in _NUMBERS else types.Array(from_dtype(np.dtype(kind.dtype)), kind.dimensions, "C")
        )

    return RecordType(record.__name__, tuple((name, compiled(kind)) for name, kind, _ in fields(record)))


class RecordPointer:
    """A named tuple laid out for compiled code, in which its fields are read as of the tuple itself.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from k2rel.simulation.kernel.layout import F1
    >>> from numba import njit
    >>> Pair = NamedTuple("Pair", [("values", F1), ("factor", int)])
    >>> @njit
    ... def first(pair):
    ...     return pair.values[0] * pair.factor
    >>> first(RecordPointer(Pair(np.array([1.5]), 2)))
    3.0
    """

    def __init__(self, record: Any) -> None:
        self.record = record
        self.table = _table_of(record)
        self.address = int(self.table.ctypes.data)


def laid_out(record: _T) -> _T:
    """Lay a named tuple out for compiled code, for which the result is the tuple.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from k2rel.simulation.kernel.layout import F1
    >>> Pair = NamedTuple("Pair", [("values", F1)])
    >>> laid_out(Pair(np.array([1])))
    Traceback (most recent call last):
        ...
    TypeError: Pair.values: float64 in 1 dimension(s) is needed, got int64 (1,)
    """
    return cast(_T, RecordPointer(record))


@typeof_impl.register(RecordPointer)
def _type_of(pointer: RecordPointer, _: Any) -> RecordType:
    return _record_type(pointer.record.__class__)


@unbox(RecordType)
def _unbox(kind: RecordType, thing: Any, c: Any) -> Any:
    address = c.pyapi.object_getattr_string(thing, "address")
    value = c.pyapi.long_as_longlong(address)
    c.pyapi.decref(address)
    return NativeValue(value)


def _table_of(record: Any) -> NDArray[np.int64]:
    """Addresses and lengths of the arrays of a named tuple; valid while it lives."""
    table = np.zeros((len(record), _WORDS), dtype=np.int64)
    for row, (name, kind, _), value in zip(table, fields(record.__class__), record, strict=True):
        if kind in _NUMBERS:
            row[0] = np.array(value, dtype=kind).view(np.int64)
            continue
        if value.dtype != kind.dtype or value.ndim != kind.dimensions or not value.flags.c_contiguous:
            raise TypeError(
                f"{type(record).__name__}.{name}: {kind.dtype.__name__} in {kind.dimensions} dimension(s) is needed, "
                f"got {value.dtype} {value.shape}"
            )
        row[0] = value.ctypes.data
        row[1 : 1 + value.ndim] = value.shape
    return table
