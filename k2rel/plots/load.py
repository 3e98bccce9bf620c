"""Where the load goes: before and after a failure, clients on each side, and how near it comes to a capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from k2rel.measures.load import LoadResult
from k2rel.plots.style import INK, LOST, legend, name_rows, new_axes, side_colour, tidy
from k2rel.policy.failover import FailoverOutcome
from k2rel.site.model import Site

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_load_after_failover", "plot_load_against_capacity", "plot_load_distribution"]


def plot_load_after_failover(
    site: Site, before: FailoverOutcome, after: FailoverOutcome, ax: Axes | None = None
) -> Axes:
    """Draw the load of every element before and after a failure, with its capacity.

    Parameters
    ----------
    site : Site
    before, after : FailoverOutcome
        Two states of it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Paired bars [MB/s]; pale is before, full is after; a line marks the capacity.

    Examples
    --------
    >>> import k2rel
    >>> s = k2rel.study("L2R")
    >>> ax = plot_load_after_failover(s.site, k2rel.failover(s), k2rel.failover(s, ["server_A"]))
    >>> ax.get_xlabel()
    'load [MB/s]'
    """
    items = [(b, a) for b, a in zip(before.loads, after.loads, strict=True) if b.load_mb_s > 0 or a.load_mb_s > 0]
    ax = new_axes(ax, (7.2, 0.42 * len(items) + 1.6))
    for row, (b, a) in enumerate(reversed(items)):
        colour = side_colour(site.sides, site.components[b.element].side)
        ax.barh(row + 0.2, b.load_mb_s, height=0.36, color=colour, alpha=0.35)
        ax.barh(
            row - 0.2,
            a.load_mb_s,
            height=0.36,
            color=LOST if a.overloaded else colour,
            hatch="//" if a.overloaded else None,
        )
        ax.plot([b.capacity_mb_s] * 2, [row - 0.44, row + 0.44], color=INK, lw=2)
    name_rows(ax, [b.element for b, _ in reversed(items)])
    ax.set_xlim(left=0)
    what = ", ".join(after.failed).replace("_", " ") or "nothing"
    return tidy(ax, f"Load before (pale) and after (full) the loss of {what}; | capacity", "load [MB/s]")


def plot_load_distribution(result: LoadResult, site: Site, ax: Axes | None = None) -> Axes:
    """Draw how probable it is that each side carries more than a number of clients.

    Parameters
    ----------
    result : LoadResult
        As `k2rel.load` gives it.
    site : Site
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Probability of at least n clients on A, on B and cut off, on a logarithmic axis.

    Examples
    --------
    >>> import k2rel
    >>> s = k2rel.study("L2R")
    >>> plot_load_distribution(k2rel.load(s), s.site).get_ylabel()
    'probability, logarithmic'
    """
    from matplotlib.ticker import MaxNLocator

    ax = new_axes(ax, (7.2, 3.6))
    count = site.client_count
    marks = ("o", "s", "x")
    series = [
        *((f"on {side}", index, side_colour(site.sides, side)) for index, side in enumerate(site.sides)),
        ("cut off", 2, LOST),
    ]
    lowest = 1.0
    for label, column, colour in series:
        exact = np.zeros(count + 1)
        for row in result.side_distribution:
            exact[(row[0], row[1], row[2])[column]] += row[3]
        least = np.cumsum(exact[::-1])[::-1][1:]
        shown = least > 1e-18
        if not shown.any():
            continue
        lowest = min(lowest, float(least[shown].min()))
        n = np.arange(1, count + 1)
        ax.plot(
            n[shown], least[shown], color=colour, marker=marks[column] if count <= 30 else None, ms=5, label=label,
            drawstyle="default" if count <= 30 else "steps-post",
        )  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(lowest / 3, 3)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(frameon=False, fontsize=9)
    return tidy(ax, "At least n clients on each side, or cut off", "number of clients n", "probability, logarithmic")


def plot_load_against_capacity(result: LoadResult, site: Site, ax: Axes | None = None) -> Axes:
    """Draw how probable each load is on the element of each side that comes nearest to its capacity.

    Parameters
    ----------
    result : LoadResult
        As `k2rel.load` gives it.
    site : Site
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Probability of at least that load, in per cent of the capacity, on a logarithmic axis; the line is the capacity.

    Examples
    --------
    >>> import k2rel
    >>> s = k2rel.study("L2R")
    >>> plot_load_against_capacity(k2rel.load(s), s.site).get_xlabel()
    'load [% of capacity]'
    """
    ax = new_axes(ax, (7.2, 3.6))
    marks = ("o", "s", "x")
    lowest, highest = 1.0, 100.0
    for number, side in enumerate((*site.sides, None)):
        own = [item for item in result.elements if site.components[item.element].side == side and item.distribution]
        if not own:
            continue
        item = max(own, key=lambda element: element.distribution[-1][0] / element.capacity_mb_s)
        loads = np.array([amount for amount, _ in item.distribution]) * 100.0 / item.capacity_mb_s
        least = np.cumsum([p for _, p in item.distribution][::-1])[::-1]
        shown = least > 1e-18
        lowest, highest = min(lowest, float(least[shown].min())), max(highest, float(loads[shown].max()))
        where = f" ({side})" if side is not None and len(site.sides) > 1 else ""
        ax.plot(
            loads[shown], least[shown], color=side_colour(site.sides, side), marker=marks[min(number, 2)], ms=4,
            ls=("-", "--", ":")[min(number, 2)], drawstyle="steps-pre",
            label=item.element.replace("_", " ") + where,
        )  # fmt: skip
    ax.axvline(100.0, color=INK, lw=2)
    ax.annotate("capacity", (100.0, 1.5), (4, 0), textcoords="offset points", fontsize=8, color=INK, va="center")
    ax.set_yscale("log")
    ax.set_ylim(lowest / 3, 3)
    ax.set_xlim(0, highest * 1.12)
    legend(ax, fontsize=9, loc="lower left")
    title = "Load on the element of each side that comes nearest to its capacity"
    return tidy(ax, title, "load [% of capacity]", "probability of at least that")
