"""What changes cost, from a file of prices."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from k2rel.design.changes import KINDS, Change
from k2rel.errors import InputError, Problem, closest
from k2rel.numerals import numeral
from k2rel.sheets import read_table
from k2rel.site.model import Site
from k2rel.tables import Shown

__all__ = ["Costs", "read_costs"]

_MOST_BYTES = 1_000_000
_COST = re.compile(r"^cost(?:\s*[\[\(]([^\]\)]{1,16})[\]\)])?$")


@dataclass(frozen=True, repr=False)
class Costs(Shown):
    """Prices of changes.

    Examples
    --------
    >>> Costs({("stock", "*"): 400.0}).prices["stock", "*"]
    400.0
    """

    prices: Mapping[tuple[str, str], float]  # by kind of change, and part, type, level, contract or "*"
    currency: str = ""
    source: str = ""

    def of(self, change: Change, site: Site) -> float:
        """Give the cost of a change: of the part, else of its type, else of ``*``; nan where there is no price.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> costs = Costs({("duplicate", "gige_switch"): 3000.0})
        >>> costs.of(Change("", "duplicate", "switch_A"), read_site("L2R"))
        3000.0
        """
        part = site.described.get(change.what)
        times = change.units if change.kind in ("duplicate", "clients") else 1
        for what in (change.what, part.type if part else change.what, "*"):
            if (change.kind, what) in self.prices:
                return self.prices[change.kind, what] * times
        return math.nan

    def check(self, site: Site, changes: Sequence[Change]) -> None:
        """Check that prices are of something that the site has.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> Costs({("stock", "*"): 1.0}).check(read_site("L1"), [Change("", "stock", "psu")])
        """
        if all(math.isnan(self.of(change, site)) for change in changes):
            some = sorted({f"{change.kind},{change.what}" for change in changes})[:6]
            raise InputError(
                f"{self.source or 'costs'}: no change of {site.name} has a price; such as {', '.join(some)}"
            )

    def _line(self) -> str:
        return f"{len(self.prices)} prices in {self.currency or 'no currency'}"


def read_costs(path: str | Path) -> Costs:
    r"""Read a file of prices.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file or a workbook (.xlsx) with the columns ``kind``, ``what`` and ``cost``, or ``cost [EUR]``.

    Returns
    -------
    Costs
        The prices.

    Raises
    ------
    InputError
        For every cell that cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("kind,what,cost [EUR]\nduplicate,gige_switch,3000\n")
    ...     file.flush()
    ...     read_costs(file.name).currency
    'EUR'
    """
    name = str(path)
    table = read_table(Path(path), _MOST_BYTES, "this is not a list of prices")
    header = table.head.titles
    cost = next((title for title in header if _COST.match(title)), None)
    missing = [word for word in ("kind", "what") if word not in header] + ([] if cost is not None else ["cost"])
    if missing or cost is None:
        raise InputError(
            Problem(f"the column {', '.join(missing)} is missing; write kind,what,cost", name, table.head.line)
        )
    numbers = table.numbers([cost])
    match = _COST.match(cost)
    prices: dict[tuple[str, str], float] = {}
    problems: list[Problem] = []
    for row in table.records:
        line, kind, what = row.line, row["kind"], row["what"] or "*"
        if kind not in KINDS:
            problems.append(
                Problem(f"'{kind[:40]}': one of {', '.join(KINDS)}{closest(kind, KINDS)}", name, line, "kind")
            )
            continue
        try:
            value, wrong = numbers.of(cost, row[cost]), ""
        except ValueError as error:
            value, wrong = math.nan, str(error) if numeral(row[cost]) else ""
        if row.wrong:
            problems.append(Problem(row.wrong, name, line))
        elif not 0 <= value < math.inf:
            words = wrong or f"'{row[cost][:40]}': a number, 0 or more"
            problems.append(Problem(words, name, line, cost))
        elif (kind, what) in prices:
            problems.append(Problem(f"'{kind},{what[:40]}' has a price above already", name, line))
        else:
            prices[kind, what] = value
    if problems:
        raise InputError(problems)
    if not prices:
        raise InputError(Problem("has no prices", name))
    return Costs(prices, (match[1] or "").strip() if match else "", name)
