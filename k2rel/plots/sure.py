"""How sure a figure is: the downtime that inputs within their limits leave possible, and what each input does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from k2rel.columns import percentage, quantity_text
from k2rel.design.target_forms import WindowJudgement
from k2rel.design.targets import Judgement
from k2rel.measures.uncertainty import UncertaintyResult
from k2rel.plots.style import (
    COLOURS,
    INK,
    LINE,
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
)
from k2rel.units import MINUTES_PER_YEAR, minutes_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_band", "plot_bands", "plot_swing"]

FloatArray = NDArray[np.float64]

_MOST = 12  # bars of a tornado
_LITTLE = 0.01  # share of the widest bar that none is worth
_MINUTES = "downtime [min/year], logarithmic"


def plot_band(
    drawn: UncertaintyResult, service: str | None = None, ax: Axes | None = None, *, judged: Judgement | None = None
) -> Axes:
    """Draw how probable it is that a service has at most some downtime, with all inputs within their limits.

    Parameters
    ----------
    drawn : UncertaintyResult
        As `k2rel.uncertainty` gives it.
    service : str, optional
        One of its services; by default the first.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    judged : Judgement, optional
        Its target (`k2rel.judge`), with the probability that it is met.

    Returns
    -------
    matplotlib.axes.Axes
        Share of the draws [%] over a logarithmic downtime [min/year]: 5 to 95 % grey, median, inputs as given.

    Examples
    --------
    >>> import k2rel
    >>> plot_band(k2rel.uncertainty("L1", ["media"], samples=64)).get_xscale()
    'log'
    """
    name = service or next(iter(drawn.unavailability))
    minutes = np.sort(drawn.unavailability[name]) * MINUTES_PER_YEAR
    share = 100.0 * (np.arange(len(minutes)) + 0.5) / len(minutes)
    low, middle, high = np.quantile(minutes, [0.05, 0.5, 0.95]).tolist()
    given = drawn.at_point[name] * MINUTES_PER_YEAR
    ax = new_axes(ax, (WIDE, 3.2))
    ax.axvspan(
        low, high, color=MUTED, alpha=0.3, lw=0, label=f"5 to 95 %: {minutes_text(low)} to {minutes_text(high)} min"
    )
    ax.plot(minutes, share, color=INK, lw=1.8, label=f"all inputs within limits; median {minutes_text(middle)} min")
    ax.plot([given], [np.interp(given, minutes, share)], marker="o", ms=8, color="white", mec=INK, mew=1.5, ls="",
            label=f"inputs as given: {minutes_text(given)} min")  # fmt: skip
    if judged is not None:
        allowed = judged.allowed_min_per_year
        mark_target(ax, allowed, f"{judged.target_percent:.6g} % allows {minutes_text(allowed)} min:\n{_met(judged)}")
    ax.set_ylim(0.0, 100.0)
    _logarithmic(ax, [*minutes[[0, -1]].tolist(), given, *([judged.allowed_min_per_year] if judged else [])])
    legend(ax)
    words = name.replace("_", " ")
    return tidy(ax, f"Distribution of the downtime of {words}", _MINUTES, "cumulative probability [%]")


def plot_bands(
    drawn: UncertaintyResult, judged: Sequence[Judgement | WindowJudgement] = (), ax: Axes | None = None
) -> Axes:
    """Draw the downtime of every service that inputs within their limits leave possible, on one axis.

    Parameters
    ----------
    drawn : UncertaintyResult
        As `k2rel.uncertainty` gives it.
    judged : sequence of Judgement
        Targets of some of the services (`k2rel.judge`); those of windows of time are not drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        A row for each service with its density over the logarithm of the downtime [min/year], a bar from the 5 to the
        95 % quantile, the median (line), inputs as given (circle) and what a target allows (dashed).

    Examples
    --------
    >>> import k2rel
    >>> ax = plot_bands(k2rel.uncertainty("L1", ["media", "control"], samples=64))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['control', 'media']
    """
    names = [name for name, values in drawn.unavailability.items() if values.max() > 0][::-1]
    targets = {item.service: item for item in judged if isinstance(item, Judgement)}
    beside = []
    for name in names:
        low, high = (minutes_text(v * MINUTES_PER_YEAR) for v in np.quantile(drawn.unavailability[name], [0.05, 0.95]))
        beside.append(f"{low} to {high}" + (f"; {_met(targets[name])}" if name in targets else ""))
    ax, depth = tall_rows_axes(ax, names, beside, 0.42)
    seen: list[float] = []
    for row, name in enumerate(names):
        minutes = drawn.unavailability[name] * MINUTES_PER_YEAR
        low, middle, high = np.quantile(minutes, [0.05, 0.5, 0.95]).tolist()
        given = drawn.at_point[name] * MINUTES_PER_YEAR
        first, y = row == len(names) - 1, row - 0.85 * depth
        _density(ax, minutes[minutes > 0], y, 0.8 * depth)
        ax.plot([low, high], [y, y], color=SHARED, lw=5, solid_capstyle="butt", label="5 to 95 %" if first else None)
        tick = [y - 0.12 * depth, y + 0.3 * depth]
        ax.plot([middle] * 2, tick, color=INK, lw=2.4, label="median" if first else None)
        ax.plot([given], [y], marker="o", ms=7, color="white", mec=INK, ls="", label="as given" if first else None)
        seen += [float(np.quantile(minutes, 0.002)), float(np.quantile(minutes, 0.998)), given]
        if name in targets:
            allowed = targets[name].allowed_min_per_year
            known = any(line.get_label() == "target" for line in ax.lines)
            tick = [y - 0.15 * depth, y + 0.85 * depth]
            ax.plot([allowed] * 2, tick, color=LOST, lw=1.8, ls="--", label=None if known else "target")
            seen.append(allowed)
    name_rows(ax, names, beside)
    _logarithmic(ax, seen)
    legend(ax)
    return tidy(ax, "Downtime with all inputs within their limits", _MINUTES)


def _met(judged: Judgement) -> str:
    carries = "" if judged.p_carries >= 1.0 else f"\ncarries its clients: {percentage(judged.p_carries)}"
    return f"{judged.verdict.upper()}, P(met) = {percentage(judged.probability)}{carries}"


def _density(ax: Axes, minutes: FloatArray, y: float, high: float) -> None:
    """A smooth density over the logarithm, on a row so high (kernel width by Silverman's rule)."""
    values = np.log10(minutes)
    width = 0.9 * min(values.std(), np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34) * len(values) ** -0.2
    if not width > 0.0:
        return
    grid = np.linspace(values.min() - 3 * width, values.max() + 3 * width, 90)
    heights = np.exp(-0.5 * ((grid[:, None] - values[None, :]) / width) ** 2).sum(axis=1)
    ax.fill(10.0**grid, y + high * heights / heights.max(), color=MUTED, alpha=0.45, lw=0)


def _logarithmic(ax: Axes, seen: Sequence[float]) -> None:
    """A logarithmic axis of downtime that holds what is seen."""
    ax.set_xscale("log")
    low, high = (math.log10(end) for end in (min(v for v in seen if v > 0), max(seen)))
    edge = 0.05 * (high - low) + 0.02
    ax.set_xlim(10 ** (low - edge), 10 ** (high + edge))
    ax.grid(axis="x", color=LINE)
    ax.set_axisbelow(True)


def plot_swing(
    frame: pd.DataFrame,
    downtime_min_per_year: float,
    ax: Axes | None = None,
    *,
    allowed_min_per_year: float = math.nan,
) -> Axes:
    """Draw what each input does within its limits, all others as given: a tornado.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `k2rel.swing` gives it.
    downtime_min_per_year : float
        Downtime with every input at its value [min/year].
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    allowed_min_per_year : float
        What a target allows [min/year].

    Returns
    -------
    matplotlib.axes.Axes
        A bar for each input, widest on top, to the downtime [min/year] at its lower limit (blue) and at its upper one
        (orange hatched), the limits beside its name; those below 1 % of the widest are left out.

    Examples
    --------
    >>> import k2rel
    >>> ax = plot_swing(k2rel.swing("L2R"), 35.67)
    >>> [label.get_text() for label in ax.get_yticklabels()][-2]
    'manual takeover, 1 h'
    """
    swings = (frame["downtime_at_high_min_per_year"] - frame["downtime_at_low_min_per_year"]).abs()
    rows = frame[swings > _LITTLE * swings.max()].head(_MOST).iloc[::-1]
    told = rows.to_dict("records")
    names = [f"{row['about']}, {quantity_text(row['value'], row['unit'])}" for row in told]
    beside = [" to ".join(quantity_text(row[end], row["unit"]) for end in ("low", "high")) for row in told]
    ax, depth = tall_rows_axes(ax, names, beside, 0.18)
    here = downtime_min_per_year
    for y, row in enumerate(told):
        ends = (
            ("lower", row["downtime_at_low_min_per_year"], COLOURS[0], None),
            ("upper", row["downtime_at_high_min_per_year"], COLOURS[1], "///"),
        )
        for end, minutes, colour, hatch in ends:
            hatched = " (hatched)" if hatch else ""
            label = f"input at its {end} limit{hatched}" if y == 0 else None
            ax.barh(y - depth / 2, minutes - here, left=here, height=0.8 * depth, color=colour, hatch=hatch,
                    edgecolor="white", lw=0, label=label)  # fmt: skip
    ax.axvline(here, color=INK, lw=1.2, label="all inputs as given")
    mark_target(ax, allowed_min_per_year)
    name_rows(ax, names, beside)
    ax.spines["left"].set_visible(False)
    legend(ax)
    return tidy(ax, "Downtime with one input at a time at its limits", "downtime [min/year]")
