"""Pictures of what roles do over time: operating modes as states, interruptions, the best number of units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.plots.palette import side_colours
from k2rel.plots.style import (
    DARK,
    INK,
    LOST,
    MUTED,
    SERIES,
    SHARED,
    TEXT,
    WIDE,
    legend,
    logarithmic_bars,
    mark_target,
    name_rows,
    new_axes,
    note_below,
    rows_axes,
    side_colour,
    tidy,
)
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from k2rel.measures.modes import ModeWords

__all__ = ["plot_interruptions", "plot_mode_graph", "plot_side_figures", "plot_units"]

FloatArray = NDArray[np.float64]

_MARKS = ("o", "s", "^", "D", "v")
_SERIES = (*SERIES, LOST)
_NODE = 500  # area of a state [square points]
_BEND = 0.12  # of an arrow


def plot_mode_graph(
    words: Sequence[ModeWords],
    probability: FloatArray,
    flow_per_h: FloatArray,
    ax: Axes | None = None,
    *,
    sides: tuple[str, ...] | None = None,
    most: int = 8,
) -> Axes:
    """Draw the operating modes as states, with how often one is left for another.

    Parameters
    ----------
    words, probability, flow_per_h
        As `k2rel.mode_flows` gives them.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    sides : tuple of str
        The site's sides, for the colours.
    most : int
        How many modes are drawn, the most probable ones.

    Returns
    -------
    matplotlib.axes.Axes
        Numbered states (squares: some client is cut off; else the colour of the side that serves every client), arrows
        with changes a year; below, what the numbers mean, with hours a year.

    Examples
    --------
    >>> import k2rel
    >>> plot_mode_graph(*k2rel.mode_flows(k2rel.study("L2R"))).get_title(loc="left")[:15]
    'Operating modes'
    """
    import networkx as nx

    if sides is None:
        sides = words[0].sides
    chosen = np.argsort(-probability, kind="stable")[:most]
    graph: nx.DiGraph[int] = nx.DiGraph()
    for number, mode in enumerate(chosen.tolist()):
        graph.add_node(number, hours=probability[mode] * HOURS_PER_YEAR, lost=words[mode].cut_off > 0)
    for i, mode in enumerate(chosen.tolist()):
        for j, other in enumerate(chosen.tolist()):
            yearly = float(flow_per_h[mode, other]) * HOURS_PER_YEAR
            if yearly > 1e-4:
                graph.add_edge(i, j, label=f"{yearly:.2g}")
    ax = new_axes(ax, (WIDE, 5.0 if len(chosen) > 3 else 3.0))
    place = nx.circular_layout(graph)
    nx.draw_networkx_edges(
        graph, place, ax=ax, node_size=_NODE, edge_color=MUTED, arrowsize=9, connectionstyle=f"arc3,rad={_BEND}"
    )
    for (x, y), label in _edge_labels(place, nx.get_edge_attributes(graph, "label")):
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
        ax.text(x, y, label, fontsize=TEXT, color=INK, ha="center", va="center", bbox=paper)
    for n, (x, y) in place.items():
        lost = graph.nodes[n]["lost"]
        fill = LOST if lost else side_colour(sides, words[chosen[n]].side)
        ink = "white" if fill in (SHARED, *(one.code for one in side_colours(tuple(sides)) if one.dark)) else DARK
        box = {"boxstyle": "square,pad=0.55" if lost else "circle,pad=0.5", "facecolor": fill, "edgecolor": INK}
        ax.text(x, y, str(n + 1), fontsize=TEXT, color=ink, ha="center", va="center", bbox=box)
    ax.set_xlim(-1.15, 1.15)
    ax.set_ylim(-1.15, 1.15)
    note_below(
        ax,
        "\n".join(
            f"{number + 1}  {words[mode]}: {_hours(graph.nodes[number]['hours'])}".replace("_", " ")
            for number, mode in enumerate(chosen.tolist())
        ),
    )
    tidy(ax, "Operating modes (square: clients without service), and transitions per year")
    ax.set_axis_off()
    return ax


def _edge_labels(
    place: Mapping[int, FloatArray], labels: Mapping[tuple[int, int], str]
) -> Iterator[tuple[tuple[float, float], str]]:
    """Where along its arrow each label lies, clear of states and other labels as far as it can be."""
    scale = np.array([165.0, 140.0])  # points of the picture from the middle of the circle to its edge
    taken = [(*(xy * scale), 15.0, 15.0) for xy in place.values()]
    for (start, end), label in labels.items():
        one, two = place[start] * scale, place[end] * scale
        bend = (one + two) / 2 + _BEND * np.array([two[1] - one[1], one[0] - two[0]])
        wide, high = 0.34 * TEXT * len(label) + 2, 0.62 * TEXT
        best, least = one, math.inf
        for t in (0.4, 0.5, 0.33, 0.6, 0.27, 0.67, 0.45, 0.55):
            at = (1 - t) ** 2 * one + 2 * t * (1 - t) * bend + t**2 * two
            over = sum(
                max(0.0, wide + w - abs(at[0] - x)) * max(0.0, high + h - abs(at[1] - y)) for x, y, w, h in taken
            )
            if over < least:
                best, least = at, over
        taken.append((*best, wide, high))
        yield (float(best[0] / scale[0]), float(best[1] / scale[1])), label


def _hours(value: float) -> str:
    return f"{value:,.0f} h" if value >= 10 else f"{value:.2g} h"


def plot_interruptions(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the number of interruptions per year that exceed a duration.

    Parameters
    ----------
    table : pandas.DataFrame
        As `k2rel.interruptions` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        A line for each service, both axes logarithmic.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"failures_per_year": 2.0, "share_longer_than_1_min": 0.5, "share_longer_than_1_h": 0.1}
    >>> plot_interruptions(pd.DataFrame([row], index=["media"])).get_xlabel()
    'duration [h], logarithmic'
    """
    lengths = {"10_s": 10 / 3600, "1_min": 1 / 60, "10_min": 1 / 6, "1_h": 1.0, "8_h": 8.0}
    hours = {f"share_longer_than_{name}": value for name, value in lengths.items()}
    columns = [name for name in hours if name in table]
    ax = new_axes(ax, (WIDE, 3.2))
    for number, (service, row) in enumerate(table.iterrows()):
        yearly = [row["failures_per_year"] * row[name] for name in columns]
        ax.plot(
            [hours[name] for name in columns], yearly, marker=_MARKS[number % len(_MARKS)],
            color=_SERIES[number % len(_SERIES)], label=str(service).replace("_", " "),
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    legend(ax)
    return tidy(
        ax, "Interruptions per year longer than a given duration", "duration [h], logarithmic", "interruptions per year"
    )


def plot_side_figures(
    table: pd.DataFrame, ax: Axes | None = None, *, allowed_min_per_year: float = float("nan")
) -> Axes:
    """Draw downtime with takeovers as modelled beside that with ideal takeovers.

    Parameters
    ----------
    table : pandas.DataFrame
        As `k2rel.modelled_and_ideal` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    allowed_min_per_year : float
        What a target allows [min/year].

    Returns
    -------
    matplotlib.axes.Axes
        Two bars a service, logarithmic.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"ideal_min_per_year": 4.0, "modelled_min_per_year": 10.0}
    >>> plot_side_figures(pd.DataFrame([row], index=["media"])).get_xlabel()
    'downtime [min/year], logarithmic'
    """
    rows = table[["ideal_min_per_year", "modelled_min_per_year"]].iloc[::-1]
    ax = rows_axes(ax, rows.index, 0.42)
    y = np.arange(len(rows))
    low = 0.4 * float(rows.where(rows > 0).min().min())
    for column, place, look in (
        ("ideal_min_per_year", 0.2, {"color": MUTED, "label": "ideal takeovers", "hatch": "//"}),
        ("modelled_min_per_year", -0.2, {"color": INK, "label": "takeovers as modelled"}),
    ):
        logarithmic_bars(ax, y + place, rows[column].clip(lower=low), low, 0.38, **look)
    name_rows(ax, rows.index)
    mark_target(ax, allowed_min_per_year)
    legend(ax)
    return tidy(
        ax, "Downtime by service, ideal takeovers and takeovers as modelled", "downtime [min/year], logarithmic"
    )


def plot_units(tables: Mapping[float, pd.DataFrame], ax: Axes | None = None) -> Axes:
    """Draw downtime against the number of redundant units, for several coverages.

    Parameters
    ----------
    tables : mapping of float to pandas.DataFrame
        For each coverage what `k2rel.units_with_coverage` gives.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        A line for each coverage, its lowest point ringed.

    Examples
    --------
    >>> import k2rel
    >>> plot_units({0.95: k2rel.units_with_coverage(0.95)}).get_ylabel()
    'downtime [min/year], logarithmic'
    """
    ax = new_axes(ax, (WIDE, 3.4))
    for number, (coverage, table) in enumerate(tables.items()):
        colour = _SERIES[number % len(_SERIES)]
        minutes = table["downtime_min_per_year"].to_numpy()
        units = table.index.to_numpy()
        ax.plot(units, minutes, marker=_MARKS[number % len(_MARKS)], color=colour, label=f"coverage {coverage:g}")
        best = int(np.argmin(minutes))
        ax.plot(units[best], minutes[best], "o", markersize=13, markerfacecolor="none", color=colour)
    ax.set_yscale("log")
    legend(ax)
    title = "Downtime by number of units (ring: optimum)"
    return tidy(ax, title, "number of units (one is sufficient)", "downtime [min/year], logarithmic")
