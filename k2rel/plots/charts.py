"""The plots of the reports, each answering one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from k2rel.plots.style import INK, LOST, MUTED, SERIES, name_rows, new_axes, side_colour, tidy

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
    ax.annotate(text, (value, y), (3, 0), textcoords="offset points", va="center", fontsize=8, color=INK)


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
    ax = new_axes(ax, (7.2, 0.34 * len(rows) + 1.3))
    minutes = rows["downtime_min_per_year"].to_numpy()
    colours = [side_colour(sides, side) for side in rows["side"]]
    # told apart in grey print, too
    hatches = dict(zip(sides, ("", "//"), strict=False)) if len(sides) > 1 else {}
    marks = [hatches.get(side, ".." if hatches else "") for side in rows["side"]]
    ax.barh(range(len(rows)), minutes, color=colours, height=0.7, hatch=marks, edgecolor="white")
    name_rows(ax, rows.index)
    ax.set_xscale("log")
    for y, value in enumerate(minutes):
        _figure(ax, value, y, f"{value:.3g}")
    ax.margins(x=0.15)
    colours_said = f" ({sides[0]} blue, {sides[1]} orange hatched, shared dotted)" if len(sides) > 1 else ""
    return tidy(ax, f"Which parts cause the downtime{colours_said}", "downtime [min/year], logarithmic")


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
    'time since everything was new [h], logarithmic'
    """
    ax = new_axes(ax, (7.2, 3.6))
    hours = frame.index.to_numpy()
    ax.plot(hours, frame["point_unavailability"], color=INK, label="with repair: 1 - A(t)")
    if "mission_unreliability" in frame:  # by the exact engine alone
        unreliability = frame["mission_unreliability"]
        ax.plot(hours, unreliability, color=LOST, ls="--", label="no repair during the mission: 1 - R(t)")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.legend(frameon=False, fontsize=9)
    title = f"Probability that {service.replace('_', ' ')} is lost for some client at a time"
    return tidy(ax, title, "time since everything was new [h], logarithmic", "probability, logarithmic")


def plot_contracts(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the downtime of every service under the three repair contracts.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `k2rel.contracts` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

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
    return plot_comparison(services, columns, ax, title="Downtime under each repair contract")


def plot_comparison(frame: pd.DataFrame, columns: dict[str, str], ax: Axes | None = None, *, title: str = "") -> Axes:
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

    Returns
    -------
    matplotlib.axes.Axes
        Marks on a logarithmic axis [min/year], a row for each level.

    Examples
    --------
    >>> import k2rel
    >>> ax = plot_comparison(k2rel.compare(["L1", "L2"]), {"downtime_min_per_year": "media"})
    >>> ax.get_xlabel()
    'downtime [min/year], logarithmic'
    """
    ax = new_axes(ax, (7.2, 0.42 * len(frame) + 1.7))
    for (column, label), colour, mark in zip(columns.items(), SERIES, ("o", "s", "D", "^"), strict=False):
        values = frame[column].to_numpy(dtype=float)[::-1]
        values = np.where(values > 0, values, np.nan)
        ax.plot(values, range(len(frame)), mark, color=colour, ms=7, label=label, alpha=0.9)
    ax.set_yticks(range(len(frame)), [str(name) for name in frame.index[::-1]], parse_math=False)
    ax.set_xscale("log")
    ax.grid(axis="x", color="#E3E6E8")
    ax.set_axisbelow(True)
    if len(columns) > 1:
        ax.legend(frameon=False, fontsize=9)
    return tidy(ax, title, "downtime [min/year], logarithmic")


def plot_side_by_side(panels: Sequence[tuple[pd.DataFrame, dict[str, str], str]]) -> Axes:
    """Draw several comparisons of the same levels on shared axes.

    Parameters
    ----------
    panels : sequence of (pandas.DataFrame, dict, str)
        Table, columns and title of each, as for `plot_comparison`.

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
    from matplotlib.figure import Figure

    height = 0.42 * len(panels[0][0]) + 1.7
    figure = Figure(figsize=(5.1 * len(panels), height), layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for ax, (frame, columns, title) in zip(axes, panels, strict=True):
        plot_comparison(frame, columns, ax, title=title)
    first: Axes = axes[0]
    return first


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
        Bars [min/year] with the share of the downtime that is reached with each. Sets that overlap count the same
        minutes twice, so the total can pass 100 % by the little by which they do.

    Examples
    --------
    >>> import k2rel
    >>> s = k2rel.study("L2")
    >>> plot_downtime_budget(k2rel.cut_set_table(s, "media"), 90.0).get_xlabel()
    'downtime [min/year]'
    """
    rows = cuts.sort_values("downtime_min_per_year", ascending=False, kind="stable").head(10)
    minutes = rows["downtime_min_per_year"].to_numpy(dtype=float)
    ax = new_axes(ax, (7.4, 0.36 * max(len(rows), 1) + 1.3))
    total = 0.0
    for place, value in enumerate(minutes):
        total += value
        y = len(rows) - 1 - place
        ax.barh(y, value, color=MUTED, height=0.7, edgecolor=INK, linewidth=0.6)
        _figure(ax, value, y, f"{value:.3g}, in all {100 * total / downtime_min_per_year:.1f} %")
    name_rows(ax, rows["failures"][::-1])
    ax.set_xlim(0, 1.35 * (minutes.max() if len(minutes) else 1.0))
    return tidy(ax, "What the downtime is spent on, and the running total", "downtime [min/year]")


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
    'hours a year, logarithmic'
    """
    from textwrap import shorten

    rows = modes[modes["hours_per_year"] > 0].head(12).iloc[::-1]
    hours = rows["hours_per_year"].to_numpy(dtype=float)
    ax = new_axes(ax, (8.6, 0.34 * len(rows) + 1.3))
    lost = rows["cut_off"].to_numpy() > 0
    for y, (value, gone) in enumerate(zip(hours, lost, strict=True)):
        ax.barh(y, value, color=LOST if gone else MUTED, hatch="//" if gone else None, height=0.7, edgecolor="white")
        _figure(ax, value, y, f"{value:.3g}")
    name_rows(ax, [shorten(str(mode).replace("_", " "), 70, placeholder=" …") for mode in rows["mode"]], fontsize=8)
    ax.set_xscale("log")
    ax.margins(x=0.12)
    return tidy(
        ax, "How the operating modes share the year (hatched: somebody has no service)", "hours a year, logarithmic"
    )
