"""Sweeps: a measure against what was varied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from k2rel.plots.style import COLOURS, CONTROL, INK, LOST, MUTED, new_axes, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_sweep", "plot_sweep_sample"]

_LINES = (
    (COLOURS[0], "-", "o"), (COLOURS[1], "--", "s"), (CONTROL, "-.", "^"), (LOST, ":", "D"), ("#CC79A7", "-", "v"),
    ("#56B4E9", "--", "P"), (INK, ":", "x"), (MUTED, "-", "*"),
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
    ax = new_axes(ax, (8.2, 4.2))
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
        ax.legend(fontsize=8, frameon=False, ncols=2 if drawn > 4 else 1)
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
        The first of the plots, side by side.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"a [h]": [1.0, 2.0], "u": [1.0, 2.0]})
    >>> plot_sweep_sample(frame, ["a [h]"], "u", "downtime", "t").get_xlabel()
    'a [h]'
    """
    from matplotlib.figure import Figure

    shown = list(axes)[:6]
    figure = Figure(figsize=(min(9.6, 3.4 * len(shown) + 1), 3.4), layout="constrained")
    row = figure.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    for number, (ax, name) in enumerate(zip(row, shown, strict=True)):
        ax.plot(table[name].to_numpy(), table[measure].to_numpy(dtype=float), ls="", marker="o", ms=3, color=COLOURS[0])
        tidy(ax, title if number == 0 else "", name.replace("_", " "), label if number == 0 else "")
    first: Axes = row[0]
    return first
