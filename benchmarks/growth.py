"""Pictures of what was measured: how time and memory grow with size, and the trend of rows by commit."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Any

from marked import DOCS
from measured import Result

from k2rel.plots.palette import SYMBOLS, Colour, side_colours
from k2rel.plots.style import INK, LINE, LOST, SHARED

if TYPE_CHECKING:
    from history import Trend
    from matplotlib.axes import Axes

    Panel = Sequence[tuple[str, Sequence[float], Sequence[float], Sequence[tuple[float, float]]]]

FEWEST = 3
MOST_PANELS = 24
APART = 0.2


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """By which power of the size the largest half grows."""
    first = (len(sizes) - 1) // 2
    return math.log(values[-1] / values[first]) / math.log(sizes[-1] / sizes[first])


def lines_of(results: Sequence[Result]) -> dict[str, dict[str, list[Result]]]:
    """Lines by the unit of their size, each from the smallest to the largest."""
    found: dict[str, dict[str, list[Result]]] = {}
    for result in sorted((one for one in results if one.row.line), key=lambda one: one.size):
        found.setdefault(result.row.unit, {}).setdefault(result.row.line, []).append(result)
    kept = {unit: {name: own for name, own in lines.items() if len(own) >= FEWEST} for unit, lines in found.items()}
    return {unit: lines for unit, lines in kept.items() if lines}


def growth_picture(name: str, results: Sequence[Result]) -> bool:
    """Time and memory against size; False where no line has three points."""
    by_unit = lines_of(results)
    if not by_unit:
        return False
    plt = _pyplot()
    size = (12, 0.6 + 3.9 * len(by_unit))
    figure, axes = plt.subplots(len(by_unit), 2, figsize=size, layout="constrained", squeeze=False)
    for (unit, lines), (left, right) in zip(by_unit.items(), axes, strict=True):
        times: Panel = [
            (
                line,
                [r.size for r in own],
                [r.processor.median for r in own],
                [(r.processor.low, r.processor.high) for r in own],
            )
            for line, own in lines.items()
        ]
        memories: Panel = [(line, [r.size for r in own], [r.memory_mb for r in own], []) for line, own in lines.items()]
        for axis, panel, what, title in (
            (left, times, "processor time [s]", "Time"),
            (right, memories, "peak memory [MB]", "Memory"),
        ):
            _growing(axis, panel)
            steepest = max(slope(sizes, values) for _, sizes, values, _ in panel)
            grows = f"grows as size to the power {steepest:.1f} at most" if steepest >= 0.05 else "hardly grows"
            axis.set_title(f"{title} {grows}", loc="left", fontsize=11)
            axis.set_xlabel(unit)
            axis.set_ylabel(what)
        right.legend(fontsize=9, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    _save(figure, f"growth-{name}")
    return True


def _growing(axis: Axes, panel: Panel) -> None:
    """Lines on logarithmic axes; bars from the quickest run to the slowest."""
    for colour, mark, (name, sizes, values, spreads) in zip(_colours(len(panel)), cycle(SYMBOLS), panel):
        axis.plot(sizes, values, marker=mark, color=colour.code, label=name, markersize=5, linewidth=1.4)
        if spreads:
            low, high = zip(*spreads, strict=True)
            axis.vlines(sizes, low, high, color=colour.code, linewidth=3, alpha=0.5)
    axis.set_xscale("log")
    axis.set_yscale("log")
    bottom, top = axis.get_ylim()
    if top / bottom < 20:  # a decade at least, so that what is flat looks flat
        middle = math.sqrt(bottom * top)
        axis.set_ylim(middle / 4.5, middle * 4.5)
    measured = sorted({size for _, sizes, _, _ in panel for size in sizes})
    nearest = min(b / a for a, b in pairwise(measured))
    if math.log(nearest) >= APART * math.log(measured[-1] / measured[0]):  # else their names would meet
        axis.set_xticks(measured)
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}" if x < 1e6 else f"{x / 1e6:g} million")
    axis.yaxis.set_major_formatter(lambda y, _: f"{y:,.0f}" if y >= 1 else f"{y:g}")
    axis.yaxis.set_minor_formatter("")
    axis.xaxis.set_minor_formatter("")
    _calm(axis)


def trend_picture(found: Sequence[Trend]) -> bool:
    """Processor time of rows by commit, those that slipped first; False where no row has two runs."""
    whole = [trend for trend in found if ": " not in trend.latest.row and len(trend.lines) > 1]
    shown = sorted(whole, key=lambda one: (not one.slips, -one.latest.processor_s))[:MOST_PANELS]
    if not shown:
        return False
    plt = _pyplot()
    rows = -(-len(shown) // 4)
    figure, axes = plt.subplots(rows, 4, figsize=(12, 0.7 + 2.0 * rows), layout="constrained", squeeze=False)
    for axis, trend in zip(axes.flat, shown, strict=False):
        places = range(len(trend.lines))
        middle = [line.processor_s for line in trend.lines]
        axis.plot(
            places, middle, color=LOST if trend.slips else SHARED, marker="X" if trend.slips else "o", markersize=4
        )
        axis.vlines(
            places, [line.processor_low_s for line in trend.lines], [line.processor_high_s for line in trend.lines],
            color=SHARED, alpha=0.5, linewidth=3,
        )  # fmt: skip
        axis.axhline(trend.best.processor_s, color=INK, linewidth=0.6, linestyle=":")
        axis.set_ylim(0, 1.15 * max(line.processor_high_s for line in trend.lines))
        title = trend.latest.row + (", slipped" if trend.slips else "")
        axis.set_title(textwrap.fill(title, 32), fontsize=9, loc="left")
        axis.set_xticks([0, len(trend.lines) - 1], [trend.lines[0].commit[:7], trend.latest.commit[:7]], fontsize=8)
        axis.set_xlim(-0.3, len(trend.lines) - 0.7)
        axis.tick_params(axis="y", labelsize=8)
        _calm(axis)
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    count = sum(bool(trend.slips) for trend in whole)
    said = f"{count} of {len(whole)} rows slipped" if count else f"None of {len(whole)} rows slipped"
    figure.suptitle(f"{said}: processor time by commit [s]; dotted: the best earlier one", fontsize=11)
    _save(figure, "history-of-rows")
    return True


def _calm(axis: Axes) -> None:
    axis.grid(color=LINE, linewidth=0.7)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _colours(count: int) -> Sequence[Colour]:
    """Colours that colour-blind eyes tell apart; marks differ too."""
    return side_colours(tuple(f"line {n}" for n in range(count)))


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "k2rel"
    from matplotlib import pyplot

    return pyplot


def _save(figure: Any, name: str) -> None:
    """Write a picture of which the same values give the same bytes."""
    figure.savefig(DOCS / "images" / f"{name}.svg", metadata={"Date": None})
    figure.clear()
