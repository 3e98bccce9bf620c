"""Which devices are meant: by name, by a pattern of names, or by device type or role."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from k2rel.cables.headings import plain
from k2rel.cables.kinds import Device
from k2rel.cables.rows import LeftOut
from k2rel.errors import InputError, closest
from k2rel.site.names import names_listed

__all__ = ["chosen", "sides_of", "words_of"]


def words_of(argument: str, value: Any) -> tuple[str, ...]:
    """Names and patterns, of which one text may hold several.

    Examples
    --------
    >>> words_of("clients", "cam-*, mon-1"), words_of("clients", ["cam-*"])
    (('cam-*', 'mon-1'), ('cam-*',))
    """
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, int) and not isinstance(value, bool):
        value = (value,)  # names can be numbers
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise InputError(f"{argument}: names or patterns such as 'cam-*', got {type(value).__name__}")
    return tuple(word for one in value if (word := unicodedata.normalize("NFC", str(one).strip())))


def chosen(
    argument: str, value: Any, devices: Mapping[str, Device], left_out: Mapping[str, LeftOut] | None = None
) -> tuple[str, ...]:
    """Devices that are meant, in the order in which they are listed.

    Examples
    --------
    >>> devices = {name: Device(name, "server", role="Camera") for name in ("cam-1", "cam-2", "nas")}
    >>> chosen("clients", "cam-*", devices), chosen("targets", ["nas"], devices)
    (('cam-1', 'cam-2'), ('nas',))
    """
    found: dict[str, None] = {}
    for word in words_of(argument, names_listed(value, devices) if isinstance(value, str) else value):
        is_pattern = any(sign in word for sign in "*?[")
        if word in devices:
            these = [word]
        elif is_pattern:
            these = [name for name in devices if fnmatchcase(name, word)]
        else:
            these = [one.name for one in devices.values() if plain(word) in map(plain, (one.role, one.model, one.type))]
        lost = [name for name in left_out or () if name == word or (is_pattern and fnmatchcase(name, word))]
        if not these and left_out and lost:
            row, others = left_out[lost[0]], f"all {len(lost):,} " if len(lost) > 1 else ""
            raise InputError(
                f"{argument}: {others}devices that match '{word[:60]}' were left out; of '{lost[0]}', line {row.line}: "
                f"{row.reason}"
            )
        if not these:
            known = {*devices, *(one.role for one in devices.values() if one.role)}
            raise InputError(f"{argument}: no device has the name, role or type '{word[:60]}'{closest(word, known)}")
        found |= dict.fromkeys(these)
    return tuple(name for name in devices if name in found)


def sides_of(value: Any, devices: Mapping[str, Device]) -> dict[str, str]:
    """Side of each device that has one: what is given here goes before the column of the tables.

    Examples
    --------
    >>> devices = {name: Device(name, "server") for name in ("sw-a", "sw-b")}
    >>> sides_of({"A": "*-a", "B": "*-b"}, devices), sides_of({"sw-a": "red"}, devices)
    ({'sw-a': 'A', 'sw-b': 'B'}, {'sw-a': 'red'})
    """
    found = {name: one.side for name, one in devices.items() if one.side}
    if value is None:
        return found
    if not isinstance(value, Mapping):
        value = _sides_said(words_of("sides", ",".join(words_of("sides", value))))
    given: dict[str, str] = {}
    of_devices = bool(value) and all(key in devices and isinstance(side, str) for key, side in value.items())
    for key, those in value.items():
        names, side = ((str(key),), str(those)) if of_devices else (chosen("sides", those, devices), str(key))
        for name in names:
            if given.setdefault(name, side) != side:
                raise InputError(f"sides: '{name}' is on {given[name]} and on {side}; a device is on one side")
    order = dict.fromkeys(map(str, value)) if not of_devices else {}
    sides = {**found, **given}
    ranks = {side: place for place, side in enumerate(order)}
    return dict(sorted(sides.items(), key=lambda item: ranks.get(item[1], len(ranks)))) if order else sides


def _sides_said(words: Iterable[str]) -> dict[str, list[str]]:
    """Sides and their devices in words, ``A=sw-a, core-a, B=sw-b`` or with ``~``; the first word says which sign.

    Examples
    --------
    >>> _sides_said(["A=sw-a", "core-a", "B=sw-b"]), _sides_said(["A~rack=1"])
    ({'A': ['sw-a', 'core-a'], 'B': ['sw-b']}, {'A': ['rack=1']})
    """
    found: dict[str, list[str]] = {}
    sign, those = "", list[str]()
    for word in words:
        sign = sign or min((each for each in "=~" if each in word), key=word.index, default="")
        side, there, device = word.partition(sign) if sign else (word, "", "")
        if not sign or (there and not (side.strip() and device.strip())):
            raise InputError(
                f"sides: '{word[:60]}' does not state which side has which devices; write A=sw-a-*, or "
                "A=sw-a,core-a,B=sw-b"
            )
        if there:
            those = found.setdefault(side.strip(), [])
        those.append((device if there else word).strip())
    return found
