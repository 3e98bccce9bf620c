"""What people and inventory tools call the numbers that a site file has keys for, in tables and in graphs alike.

Case, blanks, underscores, hyphens and brackets do not count, and a name may end with the unit: ``MTTF [h]``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

__all__ = ["MOST_COST", "NUMBERS", "plain", "unit_of", "unit_of_speed", "with_units"]

MOST_COST = 10**12
"""Of a connection, in a table and in a graph alike; the least is 0."""
_UNITS = {"h": "h", "hours": "h", "min": "min", "minutes": "min", "d": "d", "days": "d", "y": "y", "years": "y",
          "fit": "FIT", "per_h": "/h", "1_h": "/h", "mb_s": "MB/s", "gb_s": "GB/s", "gbit_s": "Gbit/s",
          "mbit_s": "Mbit/s"}  # fmt: skip
_SPEED = re.compile(r"(g|m)(?:b(?:e|ase.*|it|ps|it/s|/s)?|e|fc)?$")  # 10G, 25GbE, 100 Mbit, 16GFC: all of bits
_BYTES = ("kB/s", "MB/s", "GB/s")
_SPEEDS = ("mb_s", "gb_s", "gbit_s", "mbit_s")


def with_units(*words: str, units: Sequence[str]) -> tuple[str, ...]:
    """Names alone, and each with each unit behind it.

    Examples
    --------
    >>> with_units("mttf", units=("h",))
    ('mttf', 'mttf_h')
    """
    return (*words, *(f"{word}_{unit}" for word in words for unit in units))


NUMBERS: Mapping[str, tuple[str, ...]] = {
    "mttf": with_units("mttf", "mtbf", units=("h", "hours", "y", "years", "d", "days")),
    "failure_rate": with_units("failure_rate", "lambda", units=("h", "per_h", "1_h", "fit")),
    "unavailability": ("unavailability",),
    "mttr": with_units("mttr", "repair_time", "time_to_repair", units=("h", "hours", "min", "minutes", "d", "days")),
    "capacity": with_units("capacity", "bandwidth", "speed", "link_speed", "throughput", units=_SPEEDS),
    "cost": ("cost", "metric"),
}
"""Names of numbers by their key; an MTBF is taken as the MTTF, since repair is short beside it."""


@lru_cache(maxsize=100_000)  # words of a table come again and again
def plain(text: str) -> str:
    """A name without what does not count in it.

    Examples
    --------
    >>> plain(" Device  A"), plain("MTTF [h]"), plain("fibre-channel Switch")
    ('device_a', 'mttf_h', 'fibre_channel_switch')
    """
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", text).casefold()).strip("_")


def unit_of(title: str) -> str:
    """Unit that a name ends with; empty where it names none.

    Examples
    --------
    >>> unit_of("MTTF [years]"), unit_of("capacity (MB/s)"), unit_of("mttr")
    ('y', 'MB/s', '')
    """
    return next((unit for tail, unit in _UNITS.items() if plain(title).endswith(f"_{tail}")), "")


def unit_of_speed(unit: str) -> str:
    """A unit of speed as network people write it, which is of bits, as a site file does.

    Examples
    --------
    >>> unit_of_speed("GbE"), unit_of_speed("G"), unit_of_speed("MB/s")
    ('Gb/s', 'Gb/s', 'MB/s')
    """
    speed = None if unit in _BYTES else _SPEED.match(unit.casefold())
    return unit if speed is None else f"{speed[1].upper()}b/s"
