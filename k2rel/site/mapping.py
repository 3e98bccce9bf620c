"""A site as a mapping of Python: what a file could hold, and nothing else.

What other libraries make of a file is understood: dates, NumPy's numbers, whole numbers as keys, and ``on`` as the key
of a holder, which YAML 1.1 reads as true.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from numbers import Real
from typing import Any

from k2rel.arguments import shown
from k2rel.errors import InputError, Problem
from k2rel.site.names import KeyPath, dotted
from k2rel.site.plain import DEEPEST, has_name, name_holders
from k2rel.site.source import YamlSource

__all__ = ["in_python", "plain"]

_MOST_VALUES = 2_000_000
_MOST = 10**300  # beyond which numbers are no floats, and at last no texts either


def in_python(data: Mapping[Any, Any]) -> YamlSource:
    """Take a mapping as what a file would say; it has no name and no lines.

    Examples
    --------
    >>> in_python({"format": 2, "sides": {"A": {}, "B": {}}, "date": datetime.date(2026, 11, 26)}).data
    {'format': 2, 'sides': {'A': {}, 'B': {}}, 'date': '2026-11-26'}
    """
    said = plain(data)
    name_holders(said, {})
    return YamlSource("", said, {})


def plain(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Copy a mapping as plain data: texts, numbers, true and false, lists and mappings of these.

    Examples
    --------
    >>> plain({"roles": {"r": {"holders": ({True: "switch_A"},)}}, "sides": {1: {}}})
    {'roles': {'r': {'holders': [{'on': 'switch_A'}]}}, 'sides': {'1': {}}}
    >>> plain({"sides": {"A", "B"}})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: sides: a set has no order; give a list...
    """
    left = [_MOST_VALUES]
    result: dict[str, Any] = _plain(data, (), left)
    return result


def _plain(value: Any, path: KeyPath, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        raise _wrong(path, f"there are more than {_MOST_VALUES:,} values, which is the limit")
    if len(path) > DEEPEST:
        raise _wrong(path[:4], f"entries are nested more than {DEEPEST} deep")
    if isinstance(value, int) and abs(value) > _MOST:
        raise _wrong(path, "a number has more than 300 digits")
    if type(value) is int and has_name(path):
        return str(value)  # as a file has it, in which a name is a text
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Mapping):
        result: dict[str, Any] = {}
        for key, item in value.items():
            name = _key(key, path)
            if name in result:
                raise _wrong((*path, name), "is given twice, as a text and as another type")
            result[name] = _plain(item, (*path, name), left)
        return result
    if callable(convert := getattr(value, "tolist", None)):  # NumPy and pandas
        converted = convert()
        return _plain(converted, path, left) if converted is not value else str(value)
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, n), left) for n, item in enumerate(value)]
    if isinstance(value, set | frozenset):
        raise _wrong(path, "a set has no order; give a list")
    if isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat(*(" " if isinstance(value, datetime.datetime) else ""))
    raise _wrong(path, f"a text, a number, a list or a mapping is needed, got {type(value).__name__} {shown(value)}")


def _key(key: Any, path: KeyPath) -> str:
    """A key as a file has it."""
    if isinstance(key, str):
        return str(key)
    if key is True and _of_holder(path):
        return "on"
    if isinstance(key, int) and not isinstance(key, bool) and abs(key) <= _MOST:
        return str(key)
    words = {True: "yes and on", False: "no and off"}.get(key) if isinstance(key, bool) else None
    what = "" if words is None else f"; YAML 1.1 reads {words} as this; write the name in quotes"
    raise _wrong(path, f"a key must be a text, got {type(key).__name__} {shown(key)}{what}")


def _of_holder(path: KeyPath) -> bool:
    """Whether the keys at a place are those of a holder, of the site itself or of a variant."""
    inner = path[3:] if path[:1] == ("variants",) and path[2:3] == ("changes",) else path
    return len(inner) == 4 and (inner[0], inner[2]) == ("roles", "holders") and isinstance(inner[3], int)


def _wrong(path: KeyPath, message: str) -> InputError:
    return InputError(Problem(message, key=dotted(path) or "the site"))
