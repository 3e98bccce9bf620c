"""Where the load goes: before and after a failure, clients on each side, and how near it comes to a capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from k2rel.measures.load_result import LoadResult
from k2rel.plots.palette import STYLES, SYMBOLS
from k2rel.plots.style import (
    DOUBT,
    INK,
    LOST,
    SHARED,
    TEXT,
    WIDE,
    legend,
    name_rows,
    new_axes,
    rows_axes,
    side_colour,
    tidy,
)
from k2rel.policy.failover import FailoverOutcome
from k2rel.policy.used import ElementLoad
from k2rel.policy.words import on_sides_words
from k2rel.site.model import Site

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_load_after_failover", "plot_load_against_capacity", "plot_load_distribution"]

_OVER, _SLOWED, _LIMIT = "overloaded", "background slowed", "at its limit"
_MOST = 40  # elements drawn beside each other
_STATES = {_OVER: (LOST, "//"), _SLOWED: (DOUBT, "xx"), _LIMIT: (DOUBT, None)}


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
        Paired bars [MB/s, of several units per cent of the capacity], pale before and full after; a line marks the
        capacity. What is overloaded by the foreground,
        slows the background or is loaded to its limit, before or after, has its colour and the word. Of more than 40
        elements those that come nearest to their capacity are drawn.

    Examples
    --------
    >>> import k2rel
    >>> s = k2rel.study("L2R")
    >>> ax = plot_load_after_failover(s.site, k2rel.failover(s), k2rel.failover(s, ["server_A"]))
    >>> ax.get_xlabel()
    'load [MB/s]'
    """
    items = [(b, a) for b, a in zip(before.loads, after.loads, strict=True) if b.load_mb_s > 0 or a.load_mb_s > 0]
    loaded = len(items)
    if loaded > _MOST:
        nearest = sorted(items, key=lambda item: -max(load.counted_mb_s / load.capacity_mb_s for load in item))[:_MOST]
        items = [item for item in items if item in nearest]
    units = dict.fromkeys(b.unit for b, _ in items) or {site.load_units[0]: None}
    rows = items[::-1]
    apart = len(units) > 1  # loads of two units have no axis in common
    names = [f"{b.element} ({b.capacity_mb_s:.4g} {b.unit})" if apart else b.element for b, _ in rows]
    ax = rows_axes(ax, names, 0.4)

    def along(load: ElementLoad, amount: float) -> float:
        return 100.0 * amount / load.capacity_mb_s if apart else amount

    furthest = max(
        (along(b, max(b.load_mb_s, a.load_mb_s, b.capacity_mb_s)) for b, a in items),
        default=1.0,
    )
    words = 0
    for alpha, when in ((0.4, "before (pale, above)"), (1.0, "after (below)")):
        ax.barh(0, 0, color=SHARED, alpha=alpha, label=when)  # for the legend alone
    for row, (b, a) in enumerate(rows):
        own = side_colour(site.sides, site.components[b.element].side)
        for load, place, alpha in ((b, row + 0.2, 0.4), (a, row - 0.2, 1.0)):
            state = _state(load)
            colour, hatch = _STATES.get(state, (own, None))
            ax.barh(place, along(load, load.load_mb_s), height=0.36, color=colour, hatch=hatch,
                    alpha=1.0 if state else alpha, lw=0.6,
                    edgecolor=INK if state in (_LIMIT, _SLOWED) else "white")  # fmt: skip
            if state:
                words = max(words, len(state))
                asked = load.counted_mb_s if state == _OVER else load.load_mb_s
                share = f" {100 * asked / load.capacity_mb_s:.0f} %" if state != _LIMIT else ""
                end = along(load, max(load.load_mb_s, load.capacity_mb_s))
                ax.annotate(f"{state}{share}", (end, place), (4, 0), textcoords="offset points", va="center",
                            fontsize=TEXT, color=INK)  # fmt: skip
        ax.plot(
            [along(b, b.capacity_mb_s)] * 2,
            [row - 0.42, row + 0.42],
            color=INK,
            lw=2,
            label=None if row else "capacity",
        )
    name_rows(ax, names)
    ax.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    ax.set_xlim(0, furthest * ((2.1 if words > len(_LIMIT) else 1.55) if words else 1.05))
    legend(ax)
    what = ", ".join(after.failed).replace("_", " ") or "nothing"
    few = f", {_MOST} of {loaded:,} elements, those nearest to their capacity" if loaded > _MOST else ""
    return tidy(
        ax,
        f"Load before and after the failure of {what}{few}",
        "load [% of capacity]" if apart else f"load [{next(iter(units))}]",
    )


def _state(load: ElementLoad) -> str:
    """How an element stands to its capacity, in words; empty where it carries its load."""
    return load.state if load.state in _STATES else ""


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
        Probability of at least n clients on each side alone, on several and cut off, on a logarithmic axis.

    Examples
    --------
    >>> import k2rel
    >>> s = k2rel.study("L2R")
    >>> plot_load_distribution(k2rel.load(s), s.site).get_ylabel()
    'probability, logarithmic'
    """
    from matplotlib.ticker import MaxNLocator

    ax = new_axes(ax, (WIDE, 3.2))
    count = site.client_count
    last = max(len(site.sides), 2)  # column of the clients that are cut off
    together = f"on both, {' and '.join(site.sides)}" if len(site.sides) <= 2 else "on several sides"
    alone = " alone" if any(sum(row[:-1]) < count for row in result.side_distribution) else ""
    series = [
        *((f"on {side}{alone}", index, side_colour(site.sides, side), SYMBOLS[index], STYLES[index])
          for index, side in enumerate(site.sides)),
        (together, last + 1, INK, "D" if len(site.sides) <= 2 else "$=$", ":"),
        ("cut off", last, LOST, "x", "-"),
    ]  # fmt: skip
    lowest = 1.0
    for label, column, colour, mark, style in series:
        exact = np.zeros(count + 1)
        for *on, p in result.side_distribution:
            exact[(*on, count - sum(on))[column]] += p
        least = np.cumsum(exact[::-1])[::-1][1:]
        shown = least > 1e-18
        if not shown.any():
            continue
        lowest = min(lowest, float(least[shown].min()))
        n = np.arange(1, count + 1)
        ax.plot(
            n[shown], least[shown], color=colour, marker=mark if count <= 30 else None, ms=5, label=label, ls=style,
            drawstyle="default" if count <= 30 else "steps-post",
        )  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(lowest / 3, 3)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend(ax)
    title = on_sides_words(site, "at least n clients on each side, or cut off")
    return tidy(ax, title, "number of clients n", "probability, logarithmic")


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
    ax = new_axes(ax, (WIDE, 3.2))
    marks, styles = (*SYMBOLS[: max(len(site.sides), 2)], "x"), (*STYLES[: max(len(site.sides), 2)], ":")
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
            loads[shown], least[shown], color=side_colour(site.sides, side), marker=marks[number], ms=4,
            ls=styles[number], drawstyle="steps-pre",
            label=item.element.replace("_", " ") + where,
        )  # fmt: skip
        full = np.isclose(loads, 100.0) & shown
        if full.any():
            known = any(line.get_label() == _LIMIT for line in ax.lines)
            ax.plot(loads[full], least[full], ls="", marker="o", ms=9, mfc=DOUBT, mec=INK, zorder=1.9,
                    label=None if known else _LIMIT)  # fmt: skip
    ax.axvline(100.0, color=INK, lw=2, label="capacity")
    if highest > 100.0 + 1e-9:
        above = f"{_OVER}, or {_SLOWED}" if site.background else _OVER
        ax.axvspan(100.0, highest * 1.12, color=LOST, alpha=0.18, lw=0, label=above)
    ax.set_yscale("log")
    ax.set_ylim(lowest / 3, 3)
    ax.set_xlim(0, highest * 1.12)
    legend(ax)
    title = "Load on the element of each side nearest to its capacity"
    return tidy(ax, title, "load [% of capacity]", "probability of exceedance")
