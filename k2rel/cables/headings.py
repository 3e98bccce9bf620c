"""Which column is what, by the names that people and inventory tools give them.

Case, blanks, underscores and signs do not count: ``Device A``, ``device_a`` and ``DEVICE-A`` are one name. The names of
NetBox are those of its table of cables (2.11 to 4.x), of its bulk import, and of its table of devices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product

from k2rel.cables.sheet import Sheet
from k2rel.errors import InputError, closest
from k2rel.site.other_names import NUMBERS, plain, unit_of, with_units

__all__ = ["CABLE", "DEVICE", "Columns", "columns_of", "is_cables", "is_devices", "plain", "unit_of", "unused"]

_SIDES = {
    "a": ("a", "side_a", "a_side", "end_a", "a_end", "from", "source", "src", "local", "near_end", "1", "origin"),
    "b": ("b", "side_b", "b_side", "end_b", "b_end", "to", "destination", "dest", "dst", "target", "remote", "far_end",
          "z", "side_z", "z_side", "end_z", "z_end", "2"),
}  # fmt: skip
_DEVICES = ("device", "device_name", "hostname", "host", "node", "equipment", "system", "parent")
_PORTS = ("port", "port_name", "interface", "interface_name", "intf", "if", "connector", "socket", "termination")
_KINDS = ("port_type", "termination_type", "interface_type", "port_kind")
_ALONE = ("from", "to", "source", "destination", "dest", "src", "dst", "target", "origin", "side_a", "side_b",
          "side_z", "a_side", "b_side", "z_side", "end_a", "end_b", "end_z", "a_end", "b_end", "z_end",
          "a", "b", "z")  # fmt: skip


def _both(side: str, words: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        form for word, end in product(words, _SIDES[side]) for form in (f"{end}_{word}", f"{word}_{end}")
    )  # fmt: skip


def _end(side: str) -> dict[str, tuple[str, ...]]:
    alone = tuple(word for word in _ALONE if word in _SIDES[side])
    of_netbox = (f"termination_{side}_parent", f"termination_{side}_device")
    return {
        f"{side}_device": (*_both(side, _DEVICES), *of_netbox, *alone),
        f"{side}_port": (f"side_{side}_name", *_both(side, _PORTS), f"termination_{side}_name"),
        f"{side}_kind": (f"side_{side}_type", f"termination_{side}_type", *_both(side, _KINDS)),
        f"{side}_site": _both(side, ("site",)),
    }  # fmt: skip


CABLE: Mapping[str, tuple[str, ...]] = {
    **_end("a"),
    **_end("b"),
    "type": ("cable_type", "type", "media", "medium", "cable_media", "cable", "kind"),
    "status": ("status", "state", "cable_status"),
    "label": ("label", "cable_label", "cable_name", "cable_id", "cable_no", "cable_number", "cable_tag", "name"),
    "capacity": (*NUMBERS["capacity"], *with_units("rate", units=("mb_s", "gb_s", "gbit_s", "mbit_s"))),
    "cost": NUMBERS["cost"],
}
"""Columns of a list of cables, by what they hold; of several names that are there the first counts."""

DEVICE: Mapping[str, tuple[str, ...]] = {
    "device": ("device", "device_name", "hostname", "name", "host", "node", "equipment", "match", "pattern"),
    "model": ("device_type", "model", "type", "product", "part_number", "hardware"),
    "role": ("role", "device_role", "function"),
    "cable": ("cable_type", "type_of_cable"),
    "component": ("component_type", "component", "registry_type", "k2rel_type", "type_of_part"),
    "rates": ("rates", "rates_id", "entry"),
    **{key: NUMBERS[key] for key in ("mttf", "failure_rate", "unavailability", "mttr", "capacity")},
    "side": ("side", "fabric"),
    "status": ("status", "state"),
    "site": ("site",),
    "asset_tag": ("asset_tag",),
    "external": ("external", "outside"),
    "source": ("source", "source_of_data", "reference"),
}
"""Columns of a table of devices or of their types."""

Columns = Mapping[str, int]
"""Place of each column that was found."""


@cache
def _known(cables: bool) -> dict[str, tuple[str, int]]:
    """What each name can be, with its rank among the names of that; the first to claim a name has it."""
    found: dict[str, tuple[str, int]] = {}
    for what, names in (CABLE if cables else DEVICE).items():
        for rank, name in enumerate(names):
            found.setdefault(name, (what, rank))
    return found


def _places(titles: Sequence[str], *, cables: bool) -> dict[str, int]:
    ranks: dict[str, tuple[int, int]] = {}
    for place, title in enumerate(titles):
        known = _known(cables).get(plain(title))
        if known is not None:
            what, rank = known
            ranks[what] = min(ranks.get(what, (rank, place)), (rank, place))
    return {what: place for what, (_, place) in ranks.items()}


def is_cables(titles: Sequence[str]) -> bool:
    """Whether these name the columns of a list of cables.

    Examples
    --------
    >>> is_cables(["Label", "Termination A", "Device A", "Device B"]), is_cables(["Cables of studio 3"])
    (True, False)
    """
    return {"a_device", "b_device"} <= _places(titles, cables=True).keys()


def is_devices(titles: Sequence[str]) -> bool:
    """Whether these name the columns of a table of devices or of their types.

    Examples
    --------
    >>> is_devices(["Name", "Role", "Type"]), is_devices(["type", "component type"]), is_devices(["Type"])
    (True, True, False)
    """
    found = _places(titles, cables=False).keys()
    return len(found) > 1 and bool(found & {"device", "model", "role", "cable"})


def columns_of(sheet: Sheet, named: Mapping[str, str], *, cables: bool) -> Columns:
    """Find the columns of a table; `named` says of some which they are.

    Examples
    --------
    >>> columns_of(Sheet("c.csv", ("To", "From", "Length"), ()), {}, cables=True)
    {'b_device': 0, 'a_device': 1}
    """
    known = CABLE if cables else DEVICE
    double = [title for title in sheet.titles if title and sheet.titles.count(title) > 1]
    found = _places(sheet.titles, cables=cables)
    for what, title in named.items():
        if what not in known:
            raise InputError(f"columns: there is no such column in a table: '{what[:40]}'{closest(what, known)}")
        if title not in sheet.titles:
            raise InputError(
                sheet.problem(sheet.line, f"there is no column '{title[:40]}'{closest(title, sheet.titles)}")
            )
        for other in [other for other, place in found.items() if sheet.titles[place] == title]:
            del found[other]
        found[what] = sheet.titles.index(title)
    used = {sheet.titles[place] for place in found.values()}
    if twice := sorted(used & set(double)):
        raise InputError(sheet.problem(sheet.line, f"there are two columns '{twice[0][:40]}'"))
    missing = {"a_device", "b_device"} - found.keys() if cables else ()
    if missing or (not cables and not is_devices(sheet.titles)):
        raise InputError(sheet.problem(sheet.line, _unrecognised(sheet, found, cables=cables)))
    return found


def _unrecognised(sheet: Sheet, found: Columns, *, cables: bool) -> str:
    titles = [title for title in sheet.titles if title]
    there = f"found {', '.join(repr(title[:40]) for title in titles[:20]) or 'nothing'}"
    if not cables:
        return (
            "this is not a table of devices or types; it needs a column 'device', 'device type', 'role' or 'cable "
            "type', "
            f"and beside it 'component type' or failure data (mttf, mttr); {there}"
        )
    words = {plain(title) for title in titles}
    if {"termination_a_id", "termination_b_id"} <= words:
        return (
            "this export of NetBox (before 2.11) names ports by their number and no devices; use the table of its bulk "
            "import (side_a_device, side_a_name, side_b_device, side_b_name), or a newer export"
        )
    if {"termination_a", "termination_b"} <= words and not found.keys() & {"a_device", "b_device"}:
        return (
            "this export of NetBox names ports and no devices; choose 'All data (CSV)', or add the columns Device A "
            f"and Device B to the view (Configure Table); {there}"
        )
    if len(titles) < 2:
        return (
            "this is not a list of cables: it has one column only; cells are separated by commas, semicolons or "
            f"tabs; {there}"
        )
    missing = " and ".join(what for what in ("a_device", "b_device") if what not in found)
    return (
        f"this is not a list of cables: {missing} missing; it needs the devices at both ends (a_device and b_device, "
        "Device A and Device B, From and To, Source and Destination), and ports, type, status and label where there "
        f"are such; {there}; or assign the columns (a_device=NAME)"
    )


def unused(sheet: Sheet, found: Columns) -> tuple[str, ...]:
    """Columns that were not used."""
    return tuple(title for place, title in enumerate(sheet.titles) if title and place not in found.values())
