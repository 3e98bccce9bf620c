"""Sentences of the reports about sides and loads, whatever the number of sides and the units of the loads."""

from __future__ import annotations

from collections.abc import Mapping

from k2rel.site.model import Site
from k2rel.units import delivered_in

__all__ = ["given_words", "load_unit"]


def given_words(figures: Mapping[str, float], site: Site) -> str:
    """Say on which sides clients are, and what arrives.

    Parameters
    ----------
    figures : mapping of str to float
        As `k2rel.performability` gives them.
    site : Site

    Returns
    -------
    str
        Parts of a sentence.

    Examples
    --------
    >>> import k2rel
    >>> given_words(k2rel.performability("L1"), k2rel.study("L1").site)[:58]
    "100 % of the served clients' time is on side A; 99.9634 of"
    """
    if len(site.sides) > 2:
        shares = ", ".join(f"{100 * figures[f'share_on_{side}']:.3g} % on side {side}" for side in site.sides)
        said = f"of the served clients' time {shares}"
    else:
        said = f"{100 * figures['share_last_side']:.3g} % of the served clients' time is on side {site.sides[-1]}"
    given = " and ".join(
        f"{figures[delivered_in(unit)]:.6g} of {figures[delivered_in(unit, 'demand')]:.6g} {unit}"
        for unit in site.load_units
        if delivered_in(unit) in figures
    )
    return f"{said}; {given} arrive on average"


def load_unit(site: Site) -> str:
    """Give the unit of loads as a title has it; nothing where there are several.

    Parameters
    ----------
    site : Site

    Returns
    -------
    str
        With a blank before it.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> load_unit(read_site("L1"))
    ' [MB/s]'
    """
    units = dict.fromkeys(part.unit for part in site.components.values() if part.capacity_mb_s is not None)
    return "" if len(units) > 1 else f" [{next(iter(units), site.load_units[0])}]"
