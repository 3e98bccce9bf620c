"""What stands in a common-cause group of a model: its members, its factors by level, and its distribution."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from k2rel.commoncause import event_shares
from k2rel.errors import InputError
from k2rel.faulttrees.source import Element

__all__ = ["distribution_of", "members_of", "shares_of", "whole_number"]

FloatArray = NDArray[np.float64]

_PARTS = {"members", "factors", "factor", "distribution"}


def whole_number(element: Element, key: str, text: str, low: int, high: int) -> int:
    """Read an attribute that is a whole number.

    Examples
    --------
    >>> whole_number(Element("atleast", {}, 1, "m.xml"), "min", " 2 ", 0, 3)
    2
    """
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()) or not low <= int(text) <= high:
        raise element.error(f"{key} must be a whole number from {low} to {high}, got '{text[:20]}'")
    return int(text)


def members_of(group: Element) -> list[Element]:
    """List the references to the members of a group.

    Examples
    --------
    >>> members_of(Element("define-CCF-group", {"name": "g"}, 1, "m.xml", [Element("members", {}, 1, "m.xml")]))
    []
    """
    for part in group.parts():
        if part.tag not in _PARTS:
            raise part.error(f"is not an entry of a common-cause group; it has {', '.join(sorted(_PARTS))}")
    found = [reference for part in group.parts() if part.tag == "members" for reference in part.parts()]
    for reference in found:
        if reference.tag not in {"basic-event", "event"}:
            raise reference.error("members of a common-cause group are basic events")
    return found


def shares_of(group: Element, members: int, value: Callable[[Element], FloatArray]) -> dict[int, FloatArray]:
    """Share a member's probability out by the factors of a group, as `k2rel.commoncause.event_shares` does.

    Examples
    --------
    >>> beta = Element("factor", {"level": "2"}, 1, "m.xml", [Element("float", {"value": "0.25"}, 1, "m.xml")])
    >>> group = Element("define-CCF-group", {"name": "g", "model": "beta-factor"}, 1, "m.xml", [beta])
    >>> shares_of(group, 2, lambda e: np.asarray(float(e.attributes["value"])))
    {1: array(0.75), 2: array(0.25)}
    """
    model = group.attributes.get("model", "")
    factors: dict[int, FloatArray] = {}
    level = {"MGL": 1, "beta-factor": members - 1}.get(model, 0)
    for part in group.parts():
        for factor in part.parts() if part.tag == "factors" else [part] if part.tag == "factor" else []:
            if factor.tag != "factor":
                raise factor.error("is not one of the factors of a common-cause group")
            level = whole_number(factor, "level", factor.attributes.get("level", str(level + 1)), 0, 10**6)
            expression = list(factor.parts())
            if len(expression) != 1 or level in factors:
                raise factor.error("needs one expression" if len(expression) != 1 else f"level {level} is given twice")
            factors[level] = value(expression[0])
    try:
        return event_shares(model, members, factors)
    except InputError as error:
        raise group.error(f"'{group.named()}': {error}") from None


def distribution_of(group: Element) -> Element | None:
    """Find the expression of a group's distribution.

    Examples
    --------
    >>> distribution_of(Element("define-CCF-group", {"name": "g"}, 1, "m.xml"))
    """
    found = [part for part in group.parts() if part.tag == "distribution"]
    inner = [list(part.parts()) for part in found]
    if len(found) > 1 or (inner and len(inner[0]) != 1):
        raise group.error("needs one distribution with one expression")
    return inner[0][0] if inner else None
