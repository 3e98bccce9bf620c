"""Inputs that were learned, as entries of the site file that they belong into."""

from __future__ import annotations

import json
from collections.abc import Mapping

from k2rel.inputs import Input
from k2rel.site.coverage import DEFAULT
from k2rel.site.model import Site
from k2rel.site.yaml_text import scalar

__all__ = ["Target", "site_entries"]

Target = tuple[str, str, str]
"""What is learned: "input" of the site file; "coverage" of a role and class, "mttr" of a type, "operator" time."""


def site_entries(site: Site, inputs: Mapping[Target, Input]) -> str:
    """Write inputs as YAML, each where the site file has it."""
    lines: list[str] = []
    before: tuple[str, ...] = ()
    for place, item in sorted({_place(site, target, item): item for target, item in inputs.items()}.items()):
        same = [a == b for a, b in zip(place, before, strict=False)]
        shared = same.index(False) if False in same else len(same)
        lines += [f"{'  ' * n}{scalar(key)}:" for n, key in enumerate(place[:-1]) if n >= shared]
        lines.append(f"{'  ' * (len(place) - 1)}{scalar(place[-1])}: {_written(item, place)}")
        before = place[:-1]
    return "".join(f"{line}\n" for line in lines)


def _place(site: Site, target: Target, item: Input) -> tuple[str, ...]:
    """Where in a site file an input stands."""
    what, name, cause = target
    if what == "coverage":
        keys = (cause or DEFAULT,) if site.roles[name].coverage_of else ()
        return ("roles", name, "coverage", *keys)
    if what == "mttr":
        return ("types", name, "mttr")
    first, *rest = (str(key) for key in item.place or (name,))
    if first != "set":
        return (first, *rest)
    part = site.described.get(rest[0])  # as a setting by hand names it
    return ("types" if part is None else part.section, *rest)


def _written(item: Input, place: tuple[str, ...]) -> str:
    """An input as a number of a site file with limits; an assumption needs a code of its own and a reason."""
    unit = f" {item.unit}" if item.unit else ""
    value, low, high = (f"{number:.{6 if item.unit else 9}g}{unit}" for number in (item.point, item.low, item.high))
    source = json.dumps(item.source, ensure_ascii=False)
    about = f"evidence: {item.evidence}, source: {source}"
    if place[0] == "assumptions":
        about = f"evidence: INFERRED, reason: What was known before and the log of the site together., source: {source}"
    return f"{{value: {value}, low: {low}, high: {high}, distribution: {item.distribution.family}, {about}}}"
