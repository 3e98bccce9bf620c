"""The chapter "On duty": every single failure and the next hours, as a sheet that is hung beside the rack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k2rel.answer import Answer
from k2rel.columns import COLUMNS, counted
from k2rel.errors import ModelTooLargeError
from k2rel.measures.risk import duty_table, states_followed
from k2rel.report.embedded import as_html
from k2rel.report.notebook import Refused, attempt, show, show_chapter
from k2rel.signs import in_html
from k2rel.units import format_duration

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import HTML

__all__ = ["open_duty", "show_duty", "worst_failure"]

MOST_STATES = 20_000
"""Of the chain with nothing failed: with more the table would take longer than the rest of a report."""
_NEARLY_USUAL = 1.05
_NAMED = 6
_SHOWN = ("down_now", "expected_downtime_min", "times_usual", "redundancy_back_h", "must_not_fail", "do_first")


def open_duty(answer: Answer, horizon: str | float = "24 h") -> pd.DataFrame | Refused:
    """Make the table of all single failures, or say why there is none.

    Parameters
    ----------
    answer : Answer
    horizon : str or float
        How far to look ahead.

    Returns
    -------
    pandas.DataFrame or Refused
        As `k2rel.duty_table`, for sites whose chain is small enough for a report.

    Examples
    --------
    >>> from k2rel.report import open_answer
    >>> open_duty(open_answer("L1", method="simulation")).why[:34]
    'L1: the simulation engine does not'
    """

    def made() -> pd.DataFrame:
        solution = answer.solution
        states = states_followed(solution)
        if states > MOST_STATES:
            raise ModelTooLargeError(
                f"{solution.study.site.name}: the chain has {states:,} states, and a report looks ahead from at most "
                f"{MOST_STATES:,}; k2rel risk --every-failure takes the time"
            )
        return duty_table(solution, horizon)

    found: pd.DataFrame | Refused = attempt(made)
    return found


def worst_failure(table: pd.DataFrame | Refused) -> str | None:
    """Name the part whose failure raises the downtime most and leaves the service up; if none does, the worst.

    Parameters
    ----------
    table : pandas.DataFrame or Refused
        As `open_duty` gives it.

    Returns
    -------
    str or None
        One part; None where there is no table.

    Examples
    --------
    >>> from k2rel.report import open_answer
    >>> worst_failure(open_duty(open_answer("L2R")))
    'server_B'
    """
    if isinstance(table, Refused) or not len(table):
        return None
    up = table[table["p_failure_within"].notna()]
    return str((up if len(up) else table).index[0]).split(", ")[0]


def show_duty(answer: Answer, table: pd.DataFrame | Refused) -> HTML:
    """Show the table of all single failures, made to be printed on a sheet of its own.

    Parameters
    ----------
    answer : Answer
        What it is about.
    table : pandas.DataFrame or Refused
        As `open_duty` gives it.

    Returns
    -------
    IPython.display.HTML
        What one sees, the table with long lists shortened, and the failures that change next to nothing in a sentence.

    Examples
    --------
    >>> from k2rel.report import open_answer
    >>> answer = open_answer("L2R")
    >>> "Every single failure and the next 24 h of media" in show_duty(answer, open_duty(answer)).data
    True
    """
    head = show_chapter("On duty").data
    if isinstance(table, Refused):
        return as_html(head + show(table).data)
    hours, service = format_duration(table.attrs["horizon_h"]), table.attrs["service"].replace("_", " ")
    usual = COLUMNS["expected_downtime_min"][1](table.attrs["usual_downtime_min"])
    little = (table["times_usual"] < _NEARLY_USUAL) & (table["down_now"] == "") & (table["must_not_fail"] == "")
    shown = _together(table[~little])
    every = table.attrs["services"]
    shown = shown.assign(
        down_now=[_services(text, every) for text in shown["down_now"]],
        must_not_fail=[_some(text) for text in shown["must_not_fail"]],
    )
    shown.attrs = dict(table.attrs)
    p = answer.provenance
    title = f"Every single failure and the next {hours} of {service}, the worst first"
    about = (
        f"{answer.study.site.title}; {counted(p.clients, 'client')}, repair contract {p.contract}, "
        f"inputs {p.input_hash}. The usual downtime of {service} in any {hours} is {usual} min."
    )
    how = (
        "Single points of failure meanwhile: parts that alone take a service down after this failure and not "
        "otherwise, the likeliest first. First action: what leaves the least downtime if it is done at once. All "
        "names and digits are in the table on_duty beside this page; k2rel risk states the same for any state, "
        "k2rel explore at a click."
    )
    rest = ", ".join(str(name) for name in table.index[little])
    left = f"<p class='more'>Practically without effect alone: {in_html(rest)}.</p>" if rest else ""
    worst = worst_failure(table)
    if worst is not None:
        up = f"of the failures that leave {service} up, " if table["p_failure_within"].notna().any() else ""
        left += f"<p>Over time, {in_html(up)}the one that raises its downtime most, {in_html(worst)}:</p>"
    text = f"<p>{in_html(about)}</p><p class='more'>{in_html(how)}</p>"
    return as_html(
        f"<div class='duty'>{head}<h3>{in_html(title)}</h3>{text}{show(shown, rows=len(shown)).data}{left}</div>"
    )


def _together(table: pd.DataFrame) -> pd.DataFrame:
    """Failures with the same consequences, as far as they are shown, in one row."""
    import pandas as pd

    rows: dict[tuple[str, ...], list[str]] = {}
    first: dict[tuple[str, ...], dict[str, Any]] = {}
    for part, row in table[list(_SHOWN)].iterrows():
        own = str(part).split(", ")
        given = {str(name): value for name, value in row.items()}
        if given["do_first"] in [f"repair {name}" for name in own]:
            given["do_first"] = "repair it"
        key = tuple(COLUMNS[name][1](value) for name, value in given.items())
        rows.setdefault(key, []).append(str(part))
        first.setdefault(key, given)
    return pd.DataFrame(
        list(first.values()), index=pd.Index([", ".join(names) for names in rows.values()], name="part")
    )


def _some(text: Any, most: int = _NAMED) -> str:
    """Some of a list of names, and how many more there are."""
    names = [name for name in str(text).split(", ") if name]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _services(text: str, every: int) -> str:
    return _some(text, 3) if len(text.split(", ")) < every else "all services"
