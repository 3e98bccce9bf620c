"""Quantities as people type them, turned into hours, per hour and MB/s.

Inside k2rel there are only hours, events per hour and megabytes per second (10^6 bytes); this module
is the one place where another unit is read. A bare number is taken in the unit inside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

__all__ = [
    "HOURS_PER_YEAR",
    "MB_S",
    "MINUTES_PER_YEAR",
    "Amount",
    "availability_percent",
    "doubtful_rate",
    "format_duration",
    "is_bare",
    "loads_in",
    "parse_amount",
    "parse_bandwidth",
    "parse_duration",
    "parse_mttf",
    "parse_rate",
    "parse_share",
    "parse_temperature",
]

HOURS_PER_YEAR = 8760.0
MINUTES_PER_YEAR = 60.0 * HOURS_PER_YEAR
MB_S = "MB/s"
"""Unit of loads and capacities where nothing says another one."""
_YEAR_H = Fraction(HOURS_PER_YEAR)

_DOUBTFUL_PER_H = 0.001
"""A bare failure rate above this, nine failures a year, is more often a probability or a rate per year."""
_DOUBTFUL_H = 100.0
"""A bare mean time to failure below this is more often a rate or a number of years."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_LONGEST = 200  # signs of a quantity
_SMALLEST, _LARGEST = 1e-100, 1e100

_DURATIONS_H = {
    "": Fraction(1),
    "ms": Fraction(1, 3_600_000),
    "s": Fraction(1, 3600),
    "sec": Fraction(1, 3600),
    "second": Fraction(1, 3600),
    "seconds": Fraction(1, 3600),
    "min": Fraction(1, 60),
    "minute": Fraction(1, 60),
    "minutes": Fraction(1, 60),
    "h": Fraction(1),
    "hr": Fraction(1),
    "hour": Fraction(1),
    "hours": Fraction(1),
    "d": Fraction(24),
    "day": Fraction(24),
    "days": Fraction(24),
    "w": Fraction(168),
    "week": Fraction(168),
    "weeks": Fraction(168),
    "month": Fraction(730),
    "months": Fraction(730),
    "y": _YEAR_H,
    "yr": _YEAR_H,
    "year": _YEAR_H,
    "years": _YEAR_H,
}
_RATES_PER_H = {
    "": Fraction(1),
    "/h": Fraction(1),
    "1/h": Fraction(1),
    "per h": Fraction(1),
    "per hour": Fraction(1),
    "FIT": Fraction(1, 10**9),
    "/y": 1 / _YEAR_H,
    "1/y": 1 / _YEAR_H,
    "per year": 1 / _YEAR_H,
}
_BANDWIDTHS_MB_S = {
    "": Fraction(1),
    "kB/s": Fraction(1, 1000),
    "MB/s": Fraction(1),
    "GB/s": Fraction(1000),
    "kb/s": Fraction(1, 8000),
    "Mb/s": Fraction(1, 8),
    "Gb/s": Fraction(125),
    "kbit/s": Fraction(1, 8000),
    "Mbit/s": Fraction(1, 8),
    "Gbit/s": Fraction(125),
}


def _apart(text: str) -> tuple[str, str] | None:
    """The number that a text begins with, and what stands behind it."""
    text = text.strip()
    match = _NUMBER.match(text)
    return (match[0], text[match.end() :].lstrip()) if match else None


def _quantity(value: object, units: dict[str, Fraction], what: str, example: str) -> float:
    """Read a number with its unit; every other reading in this module goes through here."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a valid {what}; write for example {example}")
    if isinstance(value, str):
        if len(value) > _LONGEST:
            raise ValueError(f"a text of {len(value):,} characters is not a valid {what}; write for example {example}")
        found = _apart(value)
        if found is None:
            raise ValueError(f"{value!r} is not a valid {what}; write for example {example}")
        number, unit = float(found[0]), found[1]
    else:
        try:
            number, unit = float(value), ""
        except OverflowError:
            raise ValueError(f"{what} is too large") from None
    if unit not in units:
        known = ", ".join(name for name in units if name)
        raise ValueError(f"{unit!r} is not a unit of {what}; known units: {known}; write for example {example}")
    try:  # exact product, rounded once: "500 FIT" is 5e-07 and nothing beside it
        result = float(Fraction(number) * units[unit])
    except (OverflowError, ValueError):
        raise ValueError(f"{value!r} is not a finite {what}") from None
    if result < 0:
        raise ValueError(f"a {what} cannot be negative, got {value!r}")
    if result and not _SMALLEST <= result <= _LARGEST:  # whose inverse, or product with another, leaves the range
        raise ValueError(f"{value!r}: no {what} can be so {'small' if result < 1 else 'large'}")
    return result


def parse_duration(value: object) -> float:
    """Read a time.

    Examples
    --------
    >>> parse_duration("90 min")
    1.5
    """
    return _quantity(value, _DURATIONS_H, "duration", '"4 h", "30 s" or "1.2e6 h"')


def parse_rate(value: object) -> float:
    """Read a failure rate.

    Examples
    --------
    >>> parse_rate("500 FIT")
    5e-07
    """
    rate = _quantity(value, _RATES_PER_H, "rate", '"500 FIT", "2e-6 /h" or "1 per year"')
    doubt = doubtful_rate(rate) if is_bare(value) else ""
    if doubt:
        raise ValueError(f"{doubt}; if it is intended, write '{value} /h'")
    return rate


def parse_mttf(value: object) -> float:
    """Read a mean operating time to failure.

    Examples
    --------
    >>> parse_mttf("30 y"), parse_mttf(250_000)
    (262800.0, 250000.0)
    """
    hours = parse_duration(value)
    if is_bare(value) and 0 < hours < _DOUBTFUL_H:
        raise ValueError(
            f"{value} h is a mean time to failure of {format_duration(hours)}; is it a failure rate, or a number of "
            f"years? Give failure_rate, or write '{value} y'; if it is intended, write '{value} h'"
        )
    return hours


def is_bare(value: object) -> bool:
    """Say whether a quantity is a number without a unit.

    Examples
    --------
    >>> is_bare("4"), is_bare(4.0), is_bare("4 h"), is_bare("none")
    (True, True, False, False)
    """
    found = _apart(str(value))
    return found is not None and not found[1]


def doubtful_rate(rate_per_h: float) -> str:
    """Ask whether a failure rate is what was meant, where it is more likely something else.

    Examples
    --------
    >>> doubtful_rate(4e-6)
    ''
    >>> doubtful_rate(0.0169)[:61]
    '0.0169 /h is a failure every 59.2 h; is it a probability or a'
    """
    if not _DOUBTFUL_PER_H < rate_per_h < math.inf:
        return ""
    what = f"{rate_per_h:.15g} /h is a failure every {format_duration(1 / rate_per_h)}"
    if rate_per_h <= 1:
        return (
            f"{what}; is it a probability or a rate per year? A year's {rate_per_h:g} is "
            f"{rate_per_h / HOURS_PER_YEAR:.4g} /h"
        )
    return (
        f"{what}; is it a mean time to failure in hours, or a number of FIT? The time is {1 / rate_per_h:.4g} /h, the "
        f"FIT are {rate_per_h / 1e9:.4g} /h"
    )


def parse_bandwidth(value: object) -> float:
    """Read a bandwidth.

    Examples
    --------
    >>> parse_bandwidth("50 Mb/s")
    6.25
    """
    return _quantity(value, _BANDWIDTHS_MB_S, "bandwidth", '"25 MB/s", "50 Mb/s" or "1 Gb/s"')


class Amount(NamedTuple):
    """A load or a capacity as it was given; without a unit where a bare number was."""

    value: float
    unit: str


def parse_amount(value: object, what: str = "bandwidth") -> Amount:
    """Read a load or a capacity: a bandwidth, which is turned into MB/s, or a number with any other unit or none.

    Examples
    --------
    >>> parse_amount("1 Gb/s"), parse_amount("12 kW"), parse_amount(12)
    (Amount(value=125.0, unit='MB/s'), Amount(value=12.0, unit='kW'), Amount(value=12.0, unit=''))
    """
    found = _apart(value) if isinstance(value, str) else None
    unit = "" if found is None else found[1]
    if unit in _BANDWIDTHS_MB_S:
        return Amount(parse_bandwidth(value), MB_S if unit else "")
    if problem := wrong_unit(unit):
        raise ValueError(f"{value!r} is not a valid {what}: {problem}")
    assert found is not None
    return Amount(_quantity(found[0], {"": Fraction(1)}, what, '"12 kW"'), unit)


def wrong_unit(unit: str) -> str:
    """Say why a text is no unit of loads; empty where it is one.

    Examples
    --------
    >>> wrong_unit("kW"), wrong_unit("Gb/s")
    ('', "'Gb/s' is a unit of bandwidth, which is in MB/s here; leave the unit out and write it with the number")
    """
    if unit != MB_S and unit in _BANDWIDTHS_MB_S and unit:
        return (
            f"{unit!r} is a unit of bandwidth, which is in MB/s here; leave the unit out and write it with the number"
        )
    if not (0 < len(unit) <= 16 and unit.isprintable() and unit == unit.strip() and unit[0] not in "+-.0123456789=@"):
        return (
            f"{unit[:40]!r} is not a valid unit; a unit has 1 to 16 printable characters and does not begin with "
            "a digit, such as 'kW'"
        )
    return ""


def unknown_unit(unit: str) -> str:
    """Say of a unit that no traffic class has what would be right."""
    known = ", ".join(name for name in _BANDWIDTHS_MB_S if name)
    return (
        f'{unit!r} is not a unit of bandwidth; known units: {known}; write for example "25 MB/s", or for a load that '
        f"is no bandwidth 'unit: {unit}' at its traffic class"
    )


def loads_in(unit: str, row: Mapping[str, Any], *, beside: Iterable[str] = ()) -> dict[str, Any]:
    """Name a row of loads by its unit: ``load_mb_s`` is ``load``, beside ``unit``, where that is another one.

    So are all rows of a table with rows in other units `beside`.

    Examples
    --------
    >>> loads_in("MB/s", {"load_mb_s": 1.0}), loads_in("kW", {"load_mb_s": 1.0})
    ({'load_mb_s': 1.0}, {'load': 1.0, 'unit': 'kW'})
    """
    if {unit, *beside} == {MB_S}:
        return dict(row)

    def named(name: str) -> str:
        bare = name.removesuffix("_mb_s")
        return f"load_{bare}" if bare != name and bare.startswith("on_") else bare

    return {**{named(name): value for name, value in row.items()}, "unit": unit}


def delivered_in(unit: str, what: str = "delivered") -> str:
    """Name a sum over loads of one unit.

    Examples
    --------
    >>> delivered_in("MB/s"), delivered_in("kW", "demand")
    ('delivered_mb_s', 'demand_kW')
    """
    return f"{what}_mb_s" if unit == MB_S else f"{what}_{unit}"


def parse_temperature(value: object) -> float:
    """Read a temperature.

    Examples
    --------
    >>> parse_temperature("328.15 K")
    55.0
    """
    example = 'write for example "55 °C"'
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a valid temperature; {example}")
    found = _apart(str(value))
    if found is None or found[1] not in ("", "C", "°C", "K"):
        raise ValueError(f"{value!r} is not a valid temperature; {example}")
    celsius = float(found[0]) - (273.15 if found[1] == "K" else 0.0)
    if not -273.15 <= celsius < math.inf:
        raise ValueError(f"{value!r} is below absolute zero or too high; {example}")
    return round(celsius, 9)


def parse_share(value: object) -> Fraction | None:
    """Read ``"40 % of clients"``: a capacity that is sized as a share of the clients.

    Examples
    --------
    >>> parse_share("40 % of clients")
    Fraction(2, 5)
    """
    if not isinstance(value, str):
        return None
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*%\s*of\s+clients\s*", value)
    return Fraction(match[1]) / 100 if match else None


def format_duration(hours: float) -> str:
    """Write a time for people, in the unit that fits its size.

    Examples
    --------
    >>> format_duration(0.07), format_duration(105_120), format_duration(2e9)
    ('4.2 min', '12 years', '228,000 years')
    """
    if math.isnan(hours):
        return "not defined"
    if math.isinf(hours):
        return "never"
    if hours == 0:
        return "0"
    if hours < 1e-8 / 3600:
        return "below 10 ns"
    for limit, size, unit in (
        (1 / 3600, 1 / 3.6e6, "ms"),
        (1 / 60, 1 / 3600, "s"),
        (1.0, 1 / 60, "min"),
        (72.0, 1.0, "h"),
        (HOURS_PER_YEAR, 24.0, "days"),
    ):
        if hours < limit:
            return f"{three_digits(hours / size)} {unit}"
    return f"{three_digits(hours / HOURS_PER_YEAR)} years"


def three_digits(value: float) -> str:
    """Write a number with three significant digits, thousands parted by commas, very large and small ones as powers.

    Examples
    --------
    >>> three_digits(1171.2), three_digits(0.25)
    ('1,170', '0.25')
    """
    if value >= 1e9 or value < 1e-3:
        return f"{value:.2e}"
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def minutes_text(minutes_per_year: float) -> str:
    """Write minutes in a year with three digits; none more than a year has.

    Examples
    --------
    >>> minutes_text(1171.2), minutes_text(525_600.0), minutes_text(525_599.2)
    ('1,170', '525,600', '525,599')
    >>> minutes_text(0.0), minutes_text(-1171.2)
    ('0', '-1,170')
    """
    if minutes_per_year <= 0:
        return f"-{minutes_text(-minutes_per_year)}" if minutes_per_year < 0 else "0"
    rounded_up = 525_500 <= minutes_per_year < MINUTES_PER_YEAR + 1
    return f"{minutes_per_year:,.0f}" if rounded_up else three_digits(minutes_per_year)


def availability_percent(value: object) -> float:
    """Read an availability that is asked for, in percent.

    Examples
    --------
    >>> availability_percent("99.99 %")
    99.99
    >>> availability_percent(0.99999)
    Traceback (most recent call last):
        ...
    ValueError: 0.99999 % is below 50 %; an availability is written in percent: did you mean 99.999?
    """
    shown = str(value).strip()[:40]
    try:
        percent = math.nan if isinstance(value, bool) else float(str(value).strip().removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not 0 < percent < 100:
        raise ValueError(f"an availability from 50 to below 100 %, such as 99.99; got {shown}")
    if percent < 50:
        meant = f": did you mean {100 * percent:.10g}?" if 0.5 <= percent < 1 else ", such as 99.99"
        raise ValueError(
            f"{shown.removesuffix('%').strip()} % is below 50 %; an availability is written in percent{meant}"
        )
    return percent
