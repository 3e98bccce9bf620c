"""Named tuples of arrays as one pointer inside compiled code.

Numba passes a named tuple by value, array by array: a hundred arrays make every call of a small function hundreds of
words long. Here a record is laid out as a table of addresses and lengths; a compiled function gets the table's
address, and ``record.field`` is an array without an owner: whoever calls keeps the record alive. The fields are part of
the type, so code in Numba's cache is never used with another layout.
"""

from __future__ import annotations

import hashlib
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
from numpy.typing import NDArray

__all__ = ["Ground", "laid_out"]

_T = TypeVar("_T")

_SCALARS = {"int": types.int64, "float": types.float64}
_DTYPES = {
    "F": types.float64,
    "I": types.int64,
    "W": types.uint64,
    "B": types.uint8,
    "S": types.int16,
}
_WORDS = 4  # address and up to three lengths
# Numba keeps compiled code by the file of the outer function alone; with the sources of all loops as part of the type
# a change in any of them is seen
_SOURCES = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()


class RecordType(types.Type):
    """A record in compiled code: the address of its table."""

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.fields = fields
        super().__init__(name=f"Record({name}: {', '.join(f'{n} {t}' for n, t in fields)}; {_SOURCES})")


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


def _annotations(record: type) -> list[tuple[str, str]]:
    return [(name, str(getattr(kind, "__forward_arg__", kind))) for name, kind in record.__annotations__.items()]


def _record_type(record: Any) -> RecordType:
    """Give the compiled type of a named tuple whose annotations say what each field is.

    ``F1`` to ``F3``, ``I1``, ``W1``, ``B1``, ``S3`` and so on for arrays of floats, integers, words, bytes and short
    integers by the number of their dimensions; ``int`` and ``float`` for numbers.
    """
    fields = []
    for name, text in _annotations(record):
        kind = _SCALARS.get(text)
        fields.append((name, kind if kind is not None else types.Array(_DTYPES[text[0]], int(text[1]), "C")))
    return RecordType(record.__name__, tuple(fields))


_TYPES: dict[Any, RecordType] = {}


class Ground:
    """A named tuple laid out for compiled code, in which its fields are read as of the tuple itself.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from numba import njit
    >>> Pair = NamedTuple("Pair", [("values", "F1"), ("factor", "int")])
    >>> @njit
    ... def first(pair):
    ...     return pair.values[0] * pair.factor
    >>> first(Ground(Pair(np.array([1.5]), 2)))
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
    >>> Pair = NamedTuple("Pair", [("values", "F1")])
    >>> laid_out(Pair(np.array([1])))
    Traceback (most recent call last):
        ...
    TypeError: Pair.values: F1 is needed, got int64 (1,)
    """
    return cast(_T, Ground(record))


@typeof_impl.register(Ground)
def _type_of(ground: Ground, _: Any) -> RecordType:
    record = type(ground.record)
    if record not in _TYPES:
        _TYPES[record] = _record_type(record)
    return _TYPES[record]


@unbox(RecordType)
def _unbox(kind: RecordType, thing: Any, c: Any) -> Any:
    address = c.pyapi.object_getattr_string(thing, "address")
    value = c.pyapi.long_as_longlong(address)
    c.pyapi.decref(address)
    return NativeValue(value)


def _table_of(record: Any) -> NDArray[np.int64]:
    """Addresses and lengths of the arrays of a named tuple; valid while it lives."""
    names = {"F": np.float64, "I": np.int64, "W": np.uint64, "B": np.uint8, "S": np.int16}
    table = np.zeros((len(record), _WORDS), dtype=np.int64)
    for row, (name, text), value in zip(table, _annotations(type(record)), record, strict=True):
        if text == "int":
            row[0] = value
        elif text == "float":
            row[0] = np.float64(value).view(np.int64)
        else:
            if value.dtype != names[text[0]] or value.ndim != int(text[1]) or not value.flags.c_contiguous:
                raise TypeError(f"{type(record).__name__}.{name}: {text} is needed, got {value.dtype} {value.shape}")
            row[0] = value.ctypes.data
            row[1 : 1 + value.ndim] = value.shape
    return table
