"""Numbers of a site file with limits: taken out of the file before it is read, and put beside what was read.

Where one value stands there may be ``{value: 0.95, low: 0.85, high: 0.99}``; an assumption may carry ``low`` and
``high`` to wherever ``=name`` stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from k2rel.distributions import from_limits
from k2rel.errors import InputError, Problem, closest
from k2rel.inputs import Input
from k2rel.site.coverage import DEFAULT
from k2rel.site.names import dotted
from k2rel.site.source import KeyPath, YamlSource, as_written
from k2rel.units import HOURS_PER_YEAR, Amount

__all__ = ["FAMILIES", "LIMITED", "from_text", "input_of", "inputs_at", "with_values"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a number with limits is: in words, its unit, and the distribution that fits its range."""

    kind: str
    unit: str
    family: str = "lognormal"
    times: float = 1.0  # how many of its unit are one of those that files are read in


LIMITED = {
    "mttf": Quantity("mean life", "h"),
    "failure_rate": Quantity("failure rate", "/h"),
    "mttr": Quantity("repair time", "h"),
    "test_interval": Quantity("test interval", "h"),
    "rebuild": Quantity("rebuild time", "h"),
    "restore": Quantity("restore time", "h"),
    "switchover": Quantity("switchover", "h"),
    "coverage": Quantity("coverage", "", "beta"),
    "capacity": Quantity("capacity", "MB/s"),
    "demand": Quantity("demand", "MB/s"),
    "path_failover_time": Quantity("path failover time", "h"),
    "path_failover_coverage": Quantity("path failover coverage", "", "beta"),
    "detection": Quantity("detection time", "h"),
    "giveback": Quantity("giveback", "h"),
    "spurious": Quantity("rate of spurious takeovers", "per year", times=HOURS_PER_YEAR),
    "retry_after": Quantity("time until a retry", "h"),
    "retry_coverage": Quantity("retry coverage", "", "beta"),
    "operator_coverage": Quantity("operator coverage", "", "beta"),
    "restoration": Quantity("restoration time", "h"),
    "drift": Quantity("rate of drift", "per year", times=HOURS_PER_YEAR),
    "drill": Quantity("interval of drills", "h"),
    "takes": Quantity("interruption by a drill", "h"),
    "mend": Quantity("time to resolve a split brain", "h"),
    "restore_probability": Quantity("probability of a data restore", "", "beta"),
    "fence_time": Quantity("fence time", "h"),
    "fence_coverage": Quantity("fence coverage", "", "beta"),
    "auto_recovery": Quantity("auto-recovery time", "h"),
}
"""What may have limits, by its key in a file; of `path_failover` and a fence with the name of that before it."""

FAMILIES = ("lognormal", "gamma", "beta", "uniform", "triangular")
_KEYS = {"value", "low", "high", "distribution", "evidence", "source", "reason"}
_TEXT = re.compile(r"([^()]{1,60})\(([^()]{1,60}?) to ([^()]{1,60}?)(?:, ([a-z]{1,20}))?\)")


def from_text(text: object) -> dict[str, str] | None:
    """Read a value with limits as it is typed; None where there are none.

    Examples
    --------
    >>> from_text("1 h (0.25 h to 2 h)")
    {'value': '1 h', 'low': '0.25 h', 'high': '2 h'}
    """
    found = _TEXT.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 250 else None
    if found is None:
        if isinstance(text, str) and "(" in text:
            form = "'VALUE (LOW to HIGH)' or 'VALUE (LOW to HIGH, uniform)'"
            raise InputError(f"limits are written as {form}, got '{text[:60]}'")
        return None
    parts = dict(zip(("value", "low", "high", "distribution"), found.groups(), strict=True))
    return {key: part.strip() for key, part in parts.items() if part is not None}


def with_values(source: YamlSource) -> YamlSource:
    """Put plain values where numbers with limits stand, and keep the limits by place (`YamlSource.limits`)."""
    assumptions = source.data.get("assumptions")
    named = {
        name: entry
        for name, entry in (assumptions if isinstance(assumptions, dict) else {}).items()
        if isinstance(entry, dict) and {"low", "high", "distribution"} & entry.keys()
    }
    limits: dict[KeyPath, tuple[str, Mapping[str, Any]]] = {
        path: (dotted((name,)), named[name]) for path, name in source.origins.items() if name in named
    }
    problems: list[Problem] = []
    for name in named.keys() - set(source.origins.values()):
        message = (
            f"has limits, but no number of the file is '={name}', so they would have no effect; remove low and high, "
            f"or write '={name}' as the value of that number"
        )
        problems.append(source.problem(("assumptions", name), message))

    def put(value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            if "value" in value and {"low", "high", "distribution"} & value.keys():
                unknown = [str(key) for key in value if key not in _KEYS]
                problems.extend(
                    source.problem((*path, key), f"is not a known entry here{closest(key, _KEYS)}") for key in unknown
                )
                limits[path] = (dotted(path), value)
                return value["value"]
            return {key: put(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [put(item, (*path, index)) for index, item in enumerate(value)]
        return value

    kept = {"assumptions", "variants"}
    data = {key: value if key in kept else put(value, (key,)) for key, value in source.data.items()}
    for path, (name, entry) in limits.items():
        if (key := _key(path)) not in LIMITED:
            where = f"'{dotted(path)}' takes assumption '{name}' and" if path in source.origins else "it"
            message = f"{where} has no limits; numbers with limits are {', '.join(LIMITED)}"
            problems.append(source.problem(path if path not in source.origins else ("assumptions", name), message))
            continue
        place = _place(source, path)
        problems.extend(
            source.problem(place, f"limits need low and high; {end} is missing")
            for end in ("low", "high")
            if entry.get(end) is None
        )
        family = entry.get("distribution", LIMITED[key].family)
        if family not in FAMILIES:
            near = closest(str(family), FAMILIES) or f"; known: {', '.join(FAMILIES)}"
            message = f"there is no distribution '{str(family)[:40]}' of limits{near}"
            problems.append(source.problem(_place(source, path), message))
    if problems:
        raise InputError(problems)
    return replace(source, data=data, limits=limits)


def inputs_at(source: YamlSource, read: Callable[[YamlSource], Any]) -> dict[KeyPath, Input]:
    """Give the inputs of a file by place; `read` makes the checked document, which knows how each number is written."""
    if not source.limits:
        return {}
    values: dict[str, dict[KeyPath, float]] = {}
    units: dict[KeyPath, str] = {}
    for end in ("value", "low", "high"):
        data = source.data
        for path, (_, entry) in source.limits.items():
            data = _with(data, path, entry[end])
        document = read(replace(source, data=data))
        values[end] = {}
        for path in source.limits:
            try:
                found = _read(document, path)
                if found.unit and units.setdefault(path, found.unit) != found.unit:
                    raise InputError(f"limits are in one unit, got {units[path]} and {found.unit}")
                values[end][path] = found.value
            except InputError as error:
                raise InputError([source.problem(_place(source, path), str(error))]) from None
    problems: list[Problem] = []
    result: dict[KeyPath, Input] = {}
    kinds: dict[str, str] = {}
    for path, (name, entry) in source.limits.items():
        key = _key(path)
        point, low, high = (values[end][path] for end in ("value", "low", "high"))
        try:
            result[path] = input_of(name, _place(source, path), key, point, low, high, entry)
        except InputError as error:
            problems.append(source.problem(_place(source, path), str(error)))
            continue
        if kinds.setdefault(name, key) != key:
            message = f"is {LIMITED[kinds[name]].kind} and {LIMITED[key].kind} at once; give each its own limits"
            problems.append(source.problem(_place(source, path), message))
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return result


def input_of(
    name: str, place: KeyPath, key: str, point: float, low: float, high: float, entry: Mapping[str, Any]
) -> Input:
    """Make one input from limits that were read in hours, or per hour."""
    quantity = LIMITED[key]
    point, low, high = (value * quantity.times for value in (point, low, high))
    unit = f" {quantity.unit}" if quantity.unit else ""
    if not low < high:
        raise InputError(f"limits: low must be below high, got {low:g} and {high:g}{unit}")
    if not low <= point <= high:
        raise InputError(f"limits from {low:g} to {high:g}{unit} do not contain the value {point:g}{unit}")
    if not point > 0.0:
        raise InputError("a value of 0 has no limits; give the value itself")
    family = str(entry.get("distribution", quantity.family))
    probability = quantity.family == "beta"
    if probability and not (low > 0.0 and (high < 1.0 or family in ("uniform", "triangular"))):
        raise InputError(f"limits of a probability must be above 0 and below 1, got {low:g} and {high:.12g}")
    if not probability and family == "beta":
        raise InputError(f"a beta distribution is for probabilities, and this is a {quantity.kind}; use lognormal")
    if probability and family in ("lognormal", "gamma"):
        raise InputError(f"a {family} distribution exceeds 1, and this is a probability; use beta")
    distribution = from_limits(family, low, high, point)
    evidence, source = (as_written(entry.get(item, "")) for item in ("evidence", "source"))
    return Input(name, quantity.kind, point, low, high, distribution, quantity.unit, evidence, source, place)


def _key(path: KeyPath) -> str:
    """Key of the number at a place; what goes by what failed is named before its class."""
    around = str(path[-2]) if len(path) > 1 else ""
    if around in ("coverage", "detection"):
        return around
    if around == "path_failover":
        return f"{around}_{path[-1]}"
    return f"fence_{path[-1]}" if path[-3:-2] == ("takeover_needs",) else str(path[-1])


def _place(source: YamlSource, path: KeyPath) -> KeyPath:
    """Where the limits of a number stand."""
    return ("assumptions", source.origins[path]) if path in source.origins else path


def _with(data: Any, path: KeyPath, value: Any) -> Any:
    """The same data with another value at a place."""
    if not path:
        return value
    if isinstance(data, list):
        return [_with(item, path[1:], value) if n == path[0] else item for n, item in enumerate(data)]
    return {key: _with(item, path[1:], value) if key == path[0] else item for key, item in data.items()}


def _read(document: Any, path: KeyPath) -> Amount:
    """The number at a place of a checked document, with its unit where it is a load."""
    for key in path:
        if isinstance(document, tuple):
            document = document[int(key)]
        else:
            document = document[key] if isinstance(document, Mapping) else getattr(document, str(key))
    if isinstance(document, Mapping):  # one value for all that can fail
        document = document[DEFAULT]
    if isinstance(document, str):
        raise InputError("a share of the clients has no limits; give a bandwidth")
    if document is None:
        raise InputError("limits need the value that they belong to")
    return Amount(*document) if isinstance(document, Amount) else Amount(float(document), "")
