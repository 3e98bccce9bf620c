"""Sweeps: a measure against what was varied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from k2rel.arguments import as_names
from k2rel.plots.style import COLOURS, CONTROL, INK, LOST, MUTED, TEXT, WIDE, legend, new_axes, panel_axes, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_most_clients", "plot_sweep", "plot_sweep_sample"]

# blue and orange are the sides' own, so none of them here
_LINES = (
    (INK, "-", "o"), (CONTROL, "--", "s"), ("#CC79A7", "-.", "^"), ("#56B4E9", ":", "D"), (LOST, "-", "v"),
    (MUTED, "--", "P"), ("#8C6D1F", ":", "x"), ("#7A6FD0", "-", "*"),
)  # fmt: skip
_MOST_LINES = 16


def plot_sweep(
    table: pd.DataFrame, axes: Sequence[str], measure: str, label: str, title: str, ax: Axes | None = None
) -> Axes:
    """Plot a measure of a grid against its axis with the most values, a line for each combination of the others.

    Parameters
    ----------
    table : pandas.DataFrame
        Table of a sweep, without failed points.
    axes : sequence of str
        Columns that were varied.
    measure, label : str
        Column to plot, and what it is called, with its unit.
    title : str
        What one sees.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The plot; the sixteen first lines where there are more.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"clients": [4, 8], "downtime_min_per_year": [1.0, 2.0]})
    >>> plot_sweep(frame, ["clients"], "downtime_min_per_year", "downtime", "t").get_xlabel()
    'clients'
    """
    axes, ax = as_names("axes", axes), new_axes(ax, (WIDE, 3.4))
    numeric = [name for name in axes if np.issubdtype(table[name].to_numpy().dtype, np.number)]
    x = max(numeric or list(axes), key=lambda name: table[name].nunique())
    others = [name for name in axes if name != x]
    groups = table.groupby(others, sort=False) if others else [((), table)]
    drawn = 0
    for number, (combination, part) in enumerate(groups):
        if number == _MOST_LINES:
            break
        colour, style, marker = _LINES[number % len(_LINES)]
        ordered = part.sort_values(x) if numeric else part
        words = ", ".join(str(value) for value in (combination if isinstance(combination, tuple) else (combination,)))
        values = ordered[x] if numeric else ordered[x].astype(str)
        ax.plot(values.to_numpy(), ordered[measure].to_numpy(dtype=float), color=colour, ls=style, marker=marker, ms=5,
                label=words or None)  # fmt: skip
        drawn += bool(words)
    low = table[measure].to_numpy(dtype=float)
    positive = low[low > 0]
    if len(positive) == len(low) and len(low) and positive.max() > 30 * positive.min():
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    if drawn:
        legend(ax)
    return tidy(ax, title, x.replace("_", " "), label)


def plot_sweep_sample(table: pd.DataFrame, axes: Sequence[str], measure: str, label: str, title: str) -> Axes:
    """Plot a measure of a sample against each of the sampled values.

    Parameters
    ----------
    table : pandas.DataFrame
        Table of a sweep, without failed points.
    axes : sequence of str
        Sampled columns; at most six are drawn.
    measure, label : str
        Column to plot, and what it is called, with its unit.
    title : str
        What one sees.

    Returns
    -------
    matplotlib.axes.Axes
        The first of the plots, one below the other.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"a [h]": [1.0, 2.0], "u": [1.0, 2.0]})
    >>> plot_sweep_sample(frame, ["a [h]"], "u", "downtime", "t").get_xlabel()
    'a [h]'
    """
    shown = list(axes)[:6]
    rows = panel_axes(len(shown), 2.3, sharex=False)
    for number, (ax, name) in enumerate(zip(rows, shown, strict=True)):
        ax.plot(table[name].to_numpy(), table[measure].to_numpy(dtype=float), ls="", marker="o", ms=3, color=COLOURS[0])
        tidy(ax, title if number == 0 else "", name.replace("_", " "), label)
    return rows[0]


def plot_most_clients(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot how many clients each level carries, a group of bars for each bit rate.

    Parameters
    ----------
    table : pandas.DataFrame
        Number of clients; a row for each bit rate, a column for each level.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The plot, with the number on every bar.

    Examples
    --------
    >>> import pandas as pd
    >>> plot_most_clients(pd.DataFrame({"L1": [4]}, index=["50 Mb/s"])).get_ylabel()
    'clients'
    """
    ax = new_axes(ax, (WIDE, 3.2))
    count = len(table.columns)
    hatches = ("", "//", "--", "xx", "\\\\", "++")
    for number, level in enumerate(table.columns):
        places = np.arange(len(table)) + (number - (count - 1) / 2) * 0.8 / count
        bars = ax.bar(
            places, table[level].to_numpy(dtype=float), width=0.76 / count, color=_LINES[number % len(_LINES)][0],
            hatch=hatches[number % len(hatches)], edgecolor="white", label=str(level),
        )  # fmt: skip
        ax.bar_label(bars, fontsize=TEXT, fmt="%d")
    ax.set_xticks(np.arange(len(table)), [str(name) for name in table.index], parse_math=False)
    legend(ax)
    return tidy(ax, "Largest number of clients carried after any single failure", "bit rate of a client", "clients")
