"""Field data and rates: probability plots, failures of repaired units, rates before and after, advice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.columns import counted
from k2rel.field import Curve, Fit, RepairHistory, Trend, mean_cumulative_failures
from k2rel.plots.style import (
    INK,
    LOST,
    MUTED,
    SHARED,
    WIDE,
    legend,
    mark_target,
    name_rows,
    new_axes,
    tall_rows_axes,
    tidy,
)  # fmt: skip
from k2rel.units import minutes_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_changes", "plot_front", "plot_probability", "plot_rates_updated", "plot_repairs"]

FloatArray = NDArray[np.float64]

_SHARES = np.array([0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.632, 0.8, 0.9, 0.95, 0.99, 0.999])


def _paper(law: str, failed: FloatArray) -> FloatArray:
    """Where a probability stands on the paper of a law: a straight line is that law (but for gamma)."""
    from scipy.special import ndtri

    return np.asarray(ndtri(failed) if law == "lognormal" else np.log(-np.log1p(-failed)))


def plot_probability(curve: Curve, fit: Fit, ax: Axes | None = None) -> Axes:
    """Draw lives on probability paper, with the fitted failure law.

    Parameters
    ----------
    curve : Curve
        The curve without a failure law (`k2rel.field.curve_of`).
    fit : Fit
        The fitted failure law.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Points in the middle of each step of the curve, the failure law with its limits. On this paper a Weibull
        distribution is a straight line whose slope is the shape; for a lognormal distribution the paper is the normal
        one. If no part was observed when new, the points are those of the curve times the share that survived, by
        the failure law, until the curve begins.

    Examples
    --------
    >>> from k2rel.field import Lives, curve_of, fit_law
    >>> lives = Lives.of([54, 187, 216, 240], [500] * 10)
    >>> plot_probability(curve_of(lives), fit_law("weibull", lives)).get_xscale()
    'log'
    """
    ax = new_axes(ax, (WIDE, 4.0))
    place = curve.plotting_positions
    if curve.from_h > 0:  # the curve counts from an age; the law says what had failed before
        place = 1 - (1 - place) * (1 - fit.failed_by([curve.from_h])[0])
    keep = (place > 0) & (place < 1)
    times, share = curve.time_h[keep], place[keep]
    low, high = times.min() / 2, times.max() * 2
    grid = np.geomspace(low, high, 200)
    law = np.clip(fit.failed_by(grid), 1e-12, 1 - 1e-12)
    lower, upper = fit.band(grid)
    good = (law > 1e-9) & (law < 1 - 1e-9)
    if np.isfinite(lower).all():
        first, last = (_paper(fit.law, np.clip(x, 1e-12, 1 - 1e-12)[good]) for x in (lower, upper))
        label = f"{100 * fit.confidence:g} % limits"
        ax.fill_between(grid[good], first, last, color=MUTED, alpha=0.35, lw=0, label=label)
    ax.plot(grid[good], _paper(fit.law, law[good]), color=INK, lw=1.5, label=fit.words)
    ax.plot(times, _paper(fit.law, share), ls="", marker="o", ms=5, color=SHARED, label=curve.method)
    ax.set_xscale("log")
    inside = (share.min() / 5 < _SHARES) & (1 - (1 - share.max()) / 5 > _SHARES)
    ticks = _SHARES[inside] if inside.any() else _SHARES
    ax.set_yticks(_paper(fit.law, ticks), [f"{100 * x:.4g} %" for x in ticks])
    bottom, top = _paper(fit.law, np.array([ticks[0], ticks[-1]]))
    ax.set_ylim(float(bottom), float(top))
    ax.set_xlim(low, high)
    legend(ax)
    title = f"{fit.name}: {counted(fit.failures, 'failure')} and the fitted failure law"
    return tidy(ax, title, "age [h], logarithmic", "fraction failed")


def plot_repairs(history: RepairHistory, trend: Trend, ax: Axes | None = None) -> Axes:
    """Draw failures of repaired units over their age.

    Parameters
    ----------
    history : RepairHistory
        The failures.
    trend : Trend
        The power law through them (`k2rel.field.trend_of`).
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Mean number of failures of a unit; bent upwards, failures come more often with age.

    Examples
    --------
    >>> from k2rel.field import trend_of
    >>> history = RepairHistory(np.zeros(3, int), np.array([5.0, 40.0, 43.0]), np.array([100.0]))
    >>> plot_repairs(history, trend_of(history)).get_xlabel()
    'age [h]'
    """
    ax = new_axes(ax, (WIDE, 3.2))
    frame = mean_cumulative_failures(history)
    grid = np.linspace(0, float(history.end_h.max()), 200)
    ax.plot(grid, trend.scale * grid**trend.shape, color=INK, lw=1.5, label=f"power law, exponent {trend.shape:.3g}")
    times = np.concatenate([[0.0], frame["time_h"].to_numpy()])
    counts = np.concatenate([[0.0], frame["failures"].to_numpy()])
    ax.step(times, counts, where="post", color=SHARED, lw=1.5, label="observed")
    legend(ax)
    return tidy(ax, f"Repaired units: {trend.words().partition(' (')[0]}", "age [h]", "mean failures per unit")


def plot_rates_updated(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw failure rates before and after a site's own log.

    Parameters
    ----------
    table : pandas.DataFrame
        `Updated.table` of `k2rel.measures.updating`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        For each type the rate and its 90 % limits before (open circle, grey) and after (filled, dark), and what the log
        says alone (cross).

    Examples
    --------
    >>> import k2rel
    >>> from k2rel.field import Exposure
    >>> from k2rel.measures.updating import updated
    >>> table = updated(k2rel.study("L2R"), [Exposure("psu", 1, 1e5)]).table()
    >>> plot_rates_updated(table).get_xscale()
    'log'
    """
    rows = table.iloc[::-1]
    beside = [f"{row['failures']:g} in {row['hours']:,.0f} h" for _, row in rows.iterrows()]
    ax, depth = tall_rows_axes(ax, rows.index, beside, 0.3)
    for y, (_, row) in enumerate(rows.iterrows()):
        first = y == len(rows) - 1
        kinds = (("before", y - 0.3 * depth, MUTED, "white"), ("after", y - 0.7 * depth, SHARED, SHARED))
        for when, place, colour, face in kinds:
            limits = [row[f"{when}_low_per_h"], row[f"{when}_high_per_h"]]
            ax.plot(limits, [place] * 2, color=colour, lw=4, marker="")
            ax.plot([row[f"{when}_per_h"]], [place], marker="o", ms=7, mfc=face, mec=INK, ls="",
                    label=f"{when} the log" if first else None)  # fmt: skip
        if row["seen_per_h"] > 0:
            said = any(line.get_label() == "log alone" for line in ax.lines)
            ax.plot([row["seen_per_h"]], [y - 0.5 * depth], marker="x", ms=8, mew=2, color=INK, ls="",
                    label=None if said else "log alone")  # fmt: skip
    name_rows(ax, rows.index, beside)
    ax.set_xscale("log")
    legend(ax)
    return tidy(ax, "Failure rates before and after the log", "failure rate [1/h], 90 % limits, logarithmic")


def plot_changes(table: pd.DataFrame, now_min_per_year: float, target_min_per_year: float = float("nan"),
                 ax: Axes | None = None) -> Axes:  # fmt: skip
    """Draw what downtime changes leave.

    Parameters
    ----------
    table : pandas.DataFrame
        `Advice.table`.
    now_min_per_year, target_min_per_year : float
        Downtime as it is, and what a target leaves [min/year].
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        A bar for each change or pair, with lines for today and for the target.

    Examples
    --------
    >>> import k2rel
    >>> advice = k2rel.advise(k2rel.study("L1"), pairs=False)
    >>> plot_changes(advice.table(3), advice.now_min_per_year).get_xlabel()
    'downtime [min/year]'
    """
    rows = table.iloc[::-1]
    values = rows["downtime_min_per_year"].to_numpy()
    beside = [f"{minutes_text(value)} min" for value in values]
    ax, depth = tall_rows_axes(ax, rows.index, beside, 0.2)
    ax.barh(np.arange(len(rows)) - depth / 2, values, color=SHARED, height=0.8 * depth)
    ax.axvline(now_min_per_year, color=INK, lw=1.4, label=f"today {minutes_text(now_min_per_year)} min/year")
    if target_min_per_year < 3 * now_min_per_year:
        mark_target(ax, target_min_per_year)
    name_rows(ax, rows.index, beside)
    ax.set_xlim(0, max(float(values.max(initial=0.0)), now_min_per_year) * 1.02)
    legend(ax)
    return tidy(ax, "Downtime left by each change", "downtime [min/year]")


def plot_front(table: pd.DataFrame, currency: str = "", target_min_per_year: float = float("nan"),
               ax: Axes | None = None) -> Axes:  # fmt: skip
    """Draw cost against downtime for the sets of changes that no other set beats in both.

    Parameters
    ----------
    table : pandas.DataFrame
        `Advice.front_table`.
    currency : str
        Of the cost.
    target_min_per_year : float
        What a target leaves [min/year].
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Steps down from the design as it is.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"cost": [0.0, 10.0], "downtime_min_per_year": [9.0, 2.0]}, index=["as it is", "x"])
    >>> plot_front(table, "EUR").get_xlabel()
    'cost [EUR]'
    """
    ax = new_axes(ax, (WIDE, 3.4))
    ax.step(table["cost"], table["downtime_min_per_year"], where="post", color=SHARED, lw=1.5)
    ax.plot(table["cost"], table["downtime_min_per_year"], ls="", marker="o", ms=6, color=SHARED, mec=INK)
    if np.isfinite(target_min_per_year):
        words = f"target allows {minutes_text(target_min_per_year)} min/year"
        ax.axhline(target_min_per_year, color=LOST, ls="--", lw=1.8, label=words)
        legend(ax)
    ax.set_ylim(bottom=0)
    title = "Pareto front of cost and downtime"
    return tidy(ax, title, f"cost [{currency}]" if currency else "cost", "downtime [min/year]")
