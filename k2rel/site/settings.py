"""Changes by hand, ``component-type.key=value``, the same in the command line, in Python and in notebooks.

``media_server.mttr="4 h"``    failure data of every component of a type: mttf, failure_rate, unavailability,
                               mttr, test_interval, test_offset, tested, rates; temperature, duty, age of an
                               entry of the registry
``toe.capacity="80 MB/s"``     capacity of every component of a type
``client.external=false``      whether failures of that type are counted
``media.demand="50 Mb/s"``     load of one flow of a traffic class
``assumption.NAME=value``      the value of one of the file's named assumptions
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from k2rel.errors import InputError, closest
from k2rel.site.document import LawFields
from k2rel.site.model import Component, GivenLaw, Site
from k2rel.units import is_bare, parse_bandwidth

__all__ = ["ASSUMPTION", "apply_settings", "parse_settings", "with_unit"]

ASSUMPTION = "assumption."
"""What the key of a setting starts with that is about a named assumption, and not about a type."""

_LAW_KEYS = {
    "rates": "rates",
    "mttf": "mttf_h",
    "failure_rate": "failure_rate_per_h",
    "unavailability": "unavailability",
    "mttr": "mttr_h",
    "test_interval": "test_interval_h",
    "test_offset": "test_offset_h",
    "tested": "tested",
    "temperature": "temperature_c",
    "duty": "duty",
    "age": "age_h",
}
_KEEP_ORIGIN = {"mttr", "test_interval", "test_offset", "tested", "temperature", "duty", "age"}
_KEYS = (*_LAW_KEYS, "capacity", "external")
_UNITS = {"mttf": "h", "mttr": "h", "test_interval": "h", "age": "h", "failure_rate": "/h", "temperature": "°C",
          "capacity": "MB/s", "demand": "MB/s"}  # fmt: skip


def parse_settings(texts: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Read settings as typed after ``--set``.

    Examples
    --------
    >>> parse_settings(['media_server.mttr="4 h"'])
    {'media_server.mttr': '4 h'}
    """
    result = {}
    for text in texts:
        key, sign, value = text.partition("=")
        key, value = key.strip(), value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        if not sign or not value or len(key.split(".")) != 2 or not all(key.split(".")):
            raise InputError(f'--set {text[:80]}: write component-type.key=value, for example media_server.mttr="4 h"')
        result[key] = value
    return result


def with_unit(key: str, value: str) -> str:
    """Give the value of a setting with the unit in which it was read.

    Examples
    --------
    >>> with_unit("psu.mttf", "250000"), with_unit("psu.mttr", "4 d"), with_unit("drive.rates", "hdd_elerath")
    ('250000 h', '4 d', 'hdd_elerath')
    """
    unit = _UNITS.get(key.rpartition(".")[2], "")
    grouped = re.fullmatch(r"\s*(\d{1,3}\.\d{3})(\D.*)?", str(value)) if unit else None
    if grouped:  # 250.000 is 250: shown as it was read
        value = f"{float(grouped[1]):.15g}{grouped[2] or ''}"
    return f"{value} {unit}" if unit and is_bare(value) and not key.startswith(ASSUMPTION) else str(value)


def apply_settings(site: Site, settings: Mapping[str, str]) -> Site:
    """Apply changes by hand to a site.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> read_site("L2R", settings={"toe.capacity": "80 MB/s"}).components["toe_A1"].capacity_mb_s
    80.0
    """
    types = {part.type for part in site.described.values()}
    for key, value in settings.items():
        kind, _, name = key.partition(".")
        where = f"--set {key[:80]}={str(value)[:40]}"
        if kind in site.traffic and kind not in types:
            if name != "demand":
                raise InputError(f"{where}: of a traffic class only 'demand' can be set")
            try:
                demand = parse_bandwidth(value)
            except ValueError as error:
                raise InputError(f"{where}: {error}") from None
            changed = {**site.traffic, kind: replace(site.traffic[kind], demand_mb_s=demand)}
            site = replace(site, traffic=changed)
        elif kind not in types and kind in (parts := {part.id: part.type for part in site.parts()}) and name in _KEYS:
            raise InputError(
                f"{where}: '{kind}' is a part, of type '{parts[kind]}', and a setting is for all parts of a type; "
                f"write {name} at the part in the file, or --set {parts[kind]}.{name}=... for all of its type"
            )
        elif kind not in types:
            raise InputError(f"{where}: {site.name} has no component type '{kind}'{closest(kind, types)}")
        elif name not in _KEYS:
            raise InputError(f"{where}: unknown key '{name}'{closest(name, _KEYS)}")
        else:
            site = _set_on_type(site, kind, name, value, where)
    return replace(site, changed=(*site.changed, *settings.items()))


def _set_on_type(site: Site, kind: str, name: str, value: str, where: str) -> Site:
    """Set one key on every component of one type."""
    try:
        entry = LawFields.model_validate({name: value})
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {message}") from None
    if name in _LAW_KEYS:
        law = GivenLaw(**{_LAW_KEYS[name]: getattr(entry, name)})
        if name not in _KEEP_ORIGIN:
            law = replace(law, evidence="set", source="set by hand")
        return replace(site, settings={**site.settings, kind: law.over(site.settings.get(kind, GivenLaw()))})
    if name == "capacity" and isinstance(entry.capacity, str):
        raise InputError(f"{where}: a share of the clients can be given in the file only; write a bandwidth")

    def changed(part: Component) -> Component:
        if part.type != kind:
            return part
        if name == "capacity":
            assert not isinstance(entry.capacity, str)
            return replace(part, capacity_mb_s=entry.capacity)
        return replace(part, external=bool(entry.external))

    return replace(
        site,
        components={key: changed(part) for key, part in site.components.items()},
        client_parts={key: changed(part) for key, part in site.client_parts.items()},
    )
