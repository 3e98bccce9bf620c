"""The plots of the reports, each answering one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from k2rel.plots.palette import HATCHES
from k2rel.plots.style import (
    INK,
    LINE,
    LOST,
    MUTED,
    SERIES,
    TEXT,
    WIDE,
    legend,
    logarithmic_bars,
    mark_target,
    name_rows,
    new_axes,
    panel_axes,
    rows_axes,
    side_colour,
    tall_rows_axes,
    tidy,
)  # fmt: skip
from k2rel.units import minutes_text, three_digits

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "plot_availability_over_time",
    "plot_causes",
    "plot_comparison",
    "plot_contracts",
    "plot_downtime_budget",
    "plot_modes",
    "plot_side_by_side",
]


def _figure(ax: Axes, value: float, y: float, text: str) -> None:
    """A figure at the end of a bar."""
    ax.annotate(text, (value, y), (3, 0), textcoords="offset points", va="center", fontsize=TEXT, color=INK)


def plot_causes(causes: pd.DataFrame, ax: Axes | None = None, *, sides: tuple[str, ...] | None = None) -> Axes:
    """Draw which parts cause the downtime.

    Parameters
    ----------
    causes : pandas.DataFrame
        As `k2rel.causes` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    sides : tuple of str
        The site's sides, for the colours.

    Returns
    -------
    matplotlib.axes.Axes
        Bars on a logarithmic axis [min/year], the largest on top.

    Examples
    --------
    >>> import k2rel
    >>> plot_causes(k2rel.causes(k2rel.study("L2"))).get_xlabel()
    'downtime [min/year], logarithmic'
    """
    if sides is None:
        sides = causes.attrs.get("sides") or tuple(sorted(causes["side"].dropna().unique()))
    rows = causes[causes["downtime_min_per_year"] > 0].head(12).iloc[::-1]
    ax = rows_axes(ax, rows.index, 0.28)
    minutes = rows["downtime_min_per_year"].to_numpy()
    colours = [side_colour(sides, side) for side in rows["side"]]
    # told apart in grey print, too
    hatches = dict(zip(sides, HATCHES, strict=False)) if len(sides) > 1 else {}
    marks = [hatches.get(side, "xx" if hatches else "") for side in rows["side"]]
    words = {"": "", "xx": " (crossed)"}
    said: dict[str, None] = {}
    low = 0.4 * minutes.min(initial=1e9)
    bars = zip(range(len(rows)), minutes, colours, marks, rows["side"], strict=True)
    for y, value, colour, mark, side in reversed(list(bars)):
        label = f"{f'side {side}' if side in sides else 'shared'}{words.get(mark, ' (hatched)')}"
        new = label if len(sides) > 1 and label not in said else None
        said[label] = None
        logarithmic_bars(ax, y, value, low, 0.7, color=colour, hatch=mark, edgecolor="white", label=new)
    name_rows(ax, rows.index)
    for y, value in enumerate(minutes):
        _figure(ax, value, y, minutes_text(value))
    if len(minutes):  # room for the figures
        ax.set_xlim(right=minutes.max() * (minutes.max() / low) ** 0.2)
    legend(ax)
    return tidy(ax, "Downtime by the part that causes it", "downtime [min/year], logarithmic")


def plot_availability_over_time(frame: pd.DataFrame, service: str, ax: Axes | None = None) -> Axes:
    """Draw point unavailability and mission unreliability over time.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `k2rel.over_time` gives it.
    service : str
        The service, for the title.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The curve with repair, and that without where the frame has it, on logarithmic axes.

    Examples
    --------
    >>> import k2rel
    >>> frame = k2rel.over_time(k2rel.study("L2"), "media", [1.0, 10.0])
    >>> plot_availability_over_time(frame, "media").get_xlabel()
    'time from the all-up state [h], logarithmic'
    """
    ax = new_axes(ax, (WIDE, 3.2))
    hours = frame.index.to_numpy()
    ax.plot(hours, frame["point_unavailability"], color=INK, label="point unavailability, 1 - A(t)")
    if "mission_unreliability" in frame:  # by the exact engine alone
        unreliability = frame["mission_unreliability"]
        ax.plot(hours, unreliability, color=LOST, ls="--", label="unreliability, 1 - R(t)")
    ax.set_xscale("log")
    ax.set_yscale("log")
    legend(ax)
    title = f"Probability that {service.replace('_', ' ')} is down for some client"
    return tidy(ax, title, "time from the all-up state [h], logarithmic", "probability, logarithmic")


def plot_contracts(frame: pd.DataFrame, ax: Axes | None = None, *, allowed_min_per_year: float = float("nan")) -> Axes:
    """Draw the downtime of every service under the three repair contracts.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `k2rel.contracts` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    allowed_min_per_year : float
        What a target allows [min/year].

    Returns
    -------
    matplotlib.axes.Axes
        Marks on a logarithmic axis [min/year].

    Examples
    --------
    >>> import k2rel
    >>> plot_contracts(k2rel.contracts(k2rel.study("L2"))).get_xlabel()
    'downtime [min/year], logarithmic'
    """
    services = frame.rename(index=lambda name: str(name).replace("_", " "))
    columns = {str(name): str(name) for name in frame.columns}
    title = "Downtime under each repair contract"
    return plot_comparison(services, columns, ax, title=title, allowed_min_per_year=allowed_min_per_year)


def plot_comparison(
    frame: pd.DataFrame,
    columns: dict[str, str],
    ax: Axes | None = None,
    *,
    title: str = "",
    allowed_min_per_year: float = float("nan"),
) -> Axes:
    """Draw one or several measures of all levels side by side.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row for each level.
    columns : dict of str to str
        Columns to draw, four at most, with their name in the legend; all in minutes a year.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str
        What one sees.
    allowed_min_per_year : float
        What a target allows [min/year].

    Returns
    -------
    matplotlib.axes.Axes
        Marks on a logarithmic axis [min/year], a row for each level, and the target.

    Examples
    --------
    >>> import k2rel
    >>> ax = plot_comparison(k2rel.compare(["L1", "L2"]), {"downtime_min_per_year": "media"})
    >>> ax.get_xlabel()
    'downtime [min/year], logarithmic'
    """
    names = frame.index[::-1]
    ax = rows_axes(ax, names, 0.36)
    for (column, label), colour, mark in zip(columns.items(), SERIES, ("o", "s", "D", "^"), strict=False):
        values = frame[column].to_numpy(dtype=float)[::-1]
        values = np.where(values > 0, values, np.nan)
        ax.plot(values, range(len(frame)), mark, color=colour, ms=7, label=label, alpha=0.9)
    name_rows(ax, names)
    ax.set_ylim(-0.6, len(frame) - 0.4)
    ax.set_xscale("log")
    ax.grid(axis="x", color=LINE)
    ax.set_axisbelow(True)
    mark_target(ax, allowed_min_per_year)
    if len(columns) > 1 or len(ax.lines) > 1:
        legend(ax)
    return tidy(ax, title, "downtime [min/year], logarithmic")


def plot_side_by_side(
    panels: Sequence[tuple[pd.DataFrame, dict[str, str], str]], *, allowed_min_per_year: float = float("nan")
) -> Axes:
    """Draw several comparisons of the same levels on shared axes, one below the other.

    Parameters
    ----------
    panels : sequence of (pandas.DataFrame, dict, str)
        Table, columns and title of each, as for `plot_comparison`.
    allowed_min_per_year : float
        What a target allows [min/year].

    Returns
    -------
    matplotlib.axes.Axes
        The first panel; all share both axes.

    Examples
    --------
    >>> import k2rel
    >>> frame = k2rel.compare(["L1", "L2"])
    >>> panel = (frame, {"downtime_min_per_year": "media"}, "Downtime")
    >>> len(plot_side_by_side([panel, panel]).figure.axes)
    2
    """
    axes = panel_axes(len(panels), 0.36 * max(len(frame) for frame, _, _ in panels) + 1.8)
    for ax, (frame, columns, title) in zip(axes, panels, strict=True):
        plot_comparison(frame, columns, ax, title=title, allowed_min_per_year=allowed_min_per_year)
    return axes[0]


def plot_downtime_budget(cuts: pd.DataFrame, downtime_min_per_year: float, ax: Axes | None = None) -> Axes:
    """Draw what the downtime is spent on: minimal cut sets, largest first, and their running total (Pareto).

    Parameters
    ----------
    cuts : pandas.DataFrame
        As `k2rel.cut_set_table` gives it.
    downtime_min_per_year : float
        Downtime of the service [min/year].
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Bars [min/year] with the share of the downtime that is reached with each; sets that are alike are one bar, "3 ×"
        before the first of them. Sets that overlap count the same
        minutes twice, so the total can pass 100 % by the little by which they do.

    Examples
    --------
    >>> import k2rel
    >>> s = k2rel.study("L2")
    >>> plot_downtime_budget(k2rel.cut_set_table(s, "media"), 90.0).get_xlabel()
    'downtime [min/year]'
    """
    rows = cuts.sort_values("downtime_min_per_year", ascending=False, kind="stable").head(10).iloc[::-1]
    minutes = rows["downtime_min_per_year"].to_numpy(dtype=float)
    shares = 100 * minutes[::-1].cumsum()[::-1] / downtime_min_per_year
    beside = [
        f"{minutes_text(value)} min, cumulative {share:.1f} %" for value, share in zip(minutes, shares, strict=True)
    ]
    counts = rows["equivalent_cut_sets"] if "equivalent_cut_sets" in rows else [1] * len(rows)
    names = [
        f"{alike} × {failures}" if alike > 1 else failures  # all of them have the minutes of the bar
        for failures, alike in zip(rows["cut_set"], counts, strict=True)
    ]
    ax, depth = tall_rows_axes(ax, names, beside, 0.18)
    places = np.arange(len(rows)) - depth / 2
    ax.barh(places, minutes, color=MUTED, height=0.8 * depth, edgecolor=INK, linewidth=0.6)
    name_rows(ax, names, beside)
    ax.set_xlim(0, 1.02 * (minutes.max() if len(minutes) else 1.0))
    return tidy(ax, "Downtime by minimal cut set, and cumulative", "downtime [min/year]")


def plot_modes(modes: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how the operating modes share the year.

    Parameters
    ----------
    modes : pandas.DataFrame
        As `k2rel.modes` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Hours a year on a logarithmic axis, the twelve most probable modes, most probable on top.

    Examples
    --------
    >>> import k2rel
    >>> plot_modes(k2rel.modes(k2rel.study("L2R"))).get_xlabel()
    'time [h/year], logarithmic'
    """
    from textwrap import shorten

    rows = modes[modes["hours_per_year"] > 0].head(12).iloc[::-1]
    hours = rows["hours_per_year"].to_numpy(dtype=float)
    names = [shorten(str(mode).replace("_", " "), 90, placeholder=" …") for mode in rows["mode"]]
    beside = [f"{three_digits(value)} h" for value in hours]
    ax, depth = tall_rows_axes(ax, names, beside, 0.16)
    lost = rows["cut_off"].to_numpy() > 0
    for gone, colour, label in ((False, MUTED, "every client served"), (True, LOST, "some clients cut off (hatched)")):
        here = np.flatnonzero(lost == gone)
        if len(here):
            logarithmic_bars(ax, here - depth / 2, hours[here], 0.4 * hours.min(), 0.8 * depth, color=colour,
                             hatch="//" if gone else None, edgecolor="white", label=label)  # fmt: skip
    name_rows(ax, names, beside)
    legend(ax)
    return tidy(ax, "Time in each operating mode", "time [h/year], logarithmic")
