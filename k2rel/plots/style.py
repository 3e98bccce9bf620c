"""Colours and marks, the same in every figure; from the colour-blind safe set of Okabe and Ito (2008)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from k2rel.plots.palette import side_colours
from k2rel.signs import plain_signs
from k2rel.units import minutes_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = [
    "COLOURS",
    "DARK",
    "DOUBT",
    "GOOD",
    "INK",
    "LINE",
    "LOST",
    "MUTED",
    "SERIES",
    "SHARED",
    "TEXT",
    "WIDE",
    "any_letters",
    "legend",
    "logarithmic_bars",
    "mark_target",
    "name_rows",
    "new_axes",
    "note_below",
    "panel_axes",
    "rows_axes",
    "side_colour",
    "tall_rows_axes",
    "tidy",
    "wrapped",
]

COLOURS = ("#0072B2", "#E69F00")
"""First side and second side of two; those of all sides are in `k2rel.plots.palette`."""
LOST = "#D55E00"
"""Lost, overloaded, not met."""
DOUBT = "#F0E442"
"""Loaded to its limit, not known; dark text goes on it."""
GOOD = "#009E73"
SHARED = "#56606B"
CONTROL = GOOD
INK = "#222222"
MUTED = "#9AA3AB"
SERIES = (INK, CONTROL, "#CC79A7", MUTED)
"""What is neither a side nor lost keeps clear of their colours."""

DARK = "#1A1A1A"
"""Text on a bright fill, by day and by night."""
LINE = "#E3E6E8"
"""Of a grid."""

WIDE = 5.5
"""Width of a figure [inch]: on a phone, 358 px wide, a text of 10 points is 9 px high."""
TEXT = 10.0
"""No text is smaller [points]."""
_TITLE = 11.0
_NAME = 112.0  # widest name of a row to the left of it [points]
_LINE = 1.25  # from line to line, in sizes of the text
_OURS = "k2rel"  # mark of a figure made here, whose layout is ours too


def side_colour(sides: Sequence[str], side: str | None) -> str:
    """Give the colour of a side.

    Examples
    --------
    >>> side_colour(("A", "B"), "B")
    '#E69F00'
    """
    return side_colours(tuple(sides))[sides.index(side)].code if side is not None and side in sides else SHARED


def _figure(size: tuple[float, float]) -> Figure:
    """A figure that is shown whole, its legend too, where a notebook cuts off margins."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    figure.set_gid(_OURS)
    figure.patch.set_in_layout(True)
    return figure


def new_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Give the axes to draw on: those handed in, or new ones of a size [inch].

    Examples
    --------
    >>> new_axes(None, (4, 3)).figure.get_size_inches().tolist()
    [4.0, 3.0]
    """
    return _figure(size).subplots() if ax is None else ax


def panel_axes(count: int, height: float, *, sharex: bool = True) -> list[Axes]:
    """Give axes one below the other, each of a height [inch], that share what is up and, if so, what is across.

    Examples
    --------
    >>> len(panel_axes(2, 2.0))
    2
    """
    figure = _figure((WIDE, height * count))
    axes = figure.subplots(count, 1, sharex=sharex, sharey=True, squeeze=False)[:, 0]
    for ax in axes:
        ax.tick_params(labelbottom=True)
    return list(axes)


@cache
def _width(text: str, size: float) -> float:
    """Width of one line [points]; the fonts that stand in for this one are narrower."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    with any_letters():
        width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return float(width)


@contextmanager
def any_letters() -> Iterator[None]:
    """Names may have letters that the font has not; a page shows them in another font, and a picture as boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        yield


def wrapped(text: str, points: float, size: float = TEXT) -> str:
    """Break a text into lines of at most a width [points]; a word that is longer is broken, too.

    Every title and name goes this way, so hidden signs show here as their numbers: SVG knows no control characters.

    Examples
    --------
    >>> wrapped("which parts cause the downtime", 90).splitlines()
    ['which parts', 'cause the', 'downtime']
    """
    lines = []
    for given in plain_signs(text, "\n").split("\n"):
        line = ""
        for word in given.split(" "):
            longer = f"{line} {word}" if line else word
            if line and _width(longer, size) > points:
                lines.append(line)
                longer = word
            while _width(longer, size) > points and len(longer) > 1:
                fits = next(n for n in range(len(longer) - 1, 0, -1) if n == 1 or _width(longer[:n], size) <= points)
                lines.append(longer[:fits])
                longer = longer[fits:]
            line = longer
        lines.append(line)
    return "\n".join(lines)


def _alone(ax: Axes) -> bool:
    """Whether the axes have a figure of ours to themselves."""
    return ax.figure.get_gid() == _OURS and len(ax.figure.axes) == 1


def _room(ax: Axes) -> float:
    """Width that a title can take [points]."""
    figure: Any = ax.figure
    spec = ax.get_subplotspec()
    columns = spec.get_gridspec().ncols if spec is not None else 1
    whole = float(figure.bbox.width / figure.dpi * 72 / columns)
    return whole - 8 if _alone(ax) else 0.8 * whole


def _names(names: Iterable[object], points: float) -> list[str]:
    """Names as people write them, on as many lines as they take."""
    return [wrapped(str(name).replace("_", " "), points) for name in names]


def _above(names: Iterable[object], beside: Sequence[str], points: float) -> list[str]:
    """Names that stand above their rows, each with something beside it on the right."""
    rooms = [points - max(map(_points_of, text.split("\n"))) - (TEXT if text else 0) for text in beside]
    return [wrapped(str(name).replace("_", " "), max(room, 60.0)) for name, room in zip(names, rooms, strict=True)]


def _points_of(line: str) -> float:
    return _width(line, TEXT)


def rows_axes(ax: Axes | None, names: Iterable[object], each: float) -> Axes:
    """Give axes with room [inch] for rows that are named on the left.

    Examples
    --------
    >>> rows_axes(None, ["media", "control"], 0.4).figure.get_size_inches().round(1).tolist()
    [5.5, 2.0]
    """
    texts = _names(names, _NAME)
    lines = max((text.count("\n") + 1 for text in texts), default=1)
    return new_axes(ax, (WIDE, max(each, lines * TEXT * _LINE / 72 + 0.06) * max(len(texts), 1) + 1.2))


def tall_rows_axes(ax: Axes | None, names: Iterable[object], beside: Sequence[str], each: float) -> tuple[Axes, float]:
    """Give axes with room [inch] for rows below their names, and the depth of a row in them.

    Examples
    --------
    >>> tall_rows_axes(None, ["media"], ["4 min"], 0.2)[1]
    0.535
    """
    texts = _above(names, beside, WIDE * 72 - 16)
    lines = [max(a.count("\n"), b.count("\n")) + 1 for a, b in zip(texts, beside, strict=True)]
    text = max(lines, default=1) * TEXT * _LINE / 72
    row = each + text
    depth = round(each / row, 3) if ax is None else 0.5
    ax = new_axes(ax, (WIDE, row * max(len(texts), 1) + 1.1))
    ax.set_ylim(-depth, max(len(texts), 1) - depth)
    return ax, depth


def name_rows(ax: Axes, names: Iterable[object], beside: Sequence[str] | None = None) -> None:
    """Name rows 0, 1, ... of a plot, lowest first; underscores become blanks, and no name is read as a formula.

    With something beside them, names stand above what is drawn below 0, 1, ...

    Examples
    --------
    >>> ax = new_axes(None, (4, 3))
    >>> name_rows(ax, ["server_A", "server_B"])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['server A', 'server B']
    """
    names = list(names)
    style: dict[str, Any] = {"parse_math": False, "fontsize": TEXT}
    if beside is None:
        ax.set_yticks(range(len(names)), _names(names, _NAME), **style)
        return
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # what is drawn does not strike texts through
    labels = _above(names, beside, _room(ax) - 8)
    ax.set_yticks(range(len(names)), labels, ha="left", va="bottom", bbox=paper, linespacing=1.1, **style)
    ax.tick_params(axis="y", length=0, pad=-3)
    ax.set_axisbelow(False)  # names lie over lines
    for y, text in enumerate(beside):
        if text:
            ax.text(1.0, y, text, transform=ax.get_yaxis_transform(), ha="right", va="bottom", color=INK, bbox=paper,
                    linespacing=1.1, **style)  # fmt: skip


def logarithmic_bars(ax: Axes, places: ArrayLike, values: ArrayLike, low: float, height: float, **style: Any) -> None:
    """Draw bars on a logarithmic axis, from its lower end on; there is no zero that they could begin at.

    Examples
    --------
    >>> ax = new_axes(None, (4, 3))
    >>> logarithmic_bars(ax, [0], [10.0], 0.1, 0.7)
    >>> float(ax.get_xlim()[0])
    0.1
    """
    import numpy as np

    ax.set_xscale("log")
    ax.barh(places, np.asarray(values) - low, height, left=low, **style)
    ax.set_xlim(left=low)


def legend(ax: Axes, **style: Any) -> None:
    """Explain lines and bars below the plot, where nothing is drawn; no name is read as a formula.

    Examples
    --------
    >>> ax = new_axes(None, (4, 3))
    >>> _ = ax.plot([1], label="$x")
    >>> legend(ax)
    """
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    mark, gap = 4.0 * TEXT, 1.6 * TEXT
    room = _room(ax)
    labels = [wrapped(label, room - mark) for label in labels]
    widest = mark + max(max(map(_points_of, label.split("\n"))) for label in labels)
    columns = max(1, min(len(labels), int((room + gap) / (widest + gap))))
    rows = math.ceil(len(labels) / columns)
    columns = math.ceil(len(labels) / rows)
    look: dict[str, Any] = {"frameon": False, "fontsize": TEXT, "ncols": columns}
    look |= {
        "borderaxespad": 0.0,
        "borderpad": 0.2,
        "handlelength": 2.6,
        "handletextpad": 0.8,
        "columnspacing": 1.6,
        "labelspacing": 0.35,
    }
    # lines of the tallest label in each row
    lines = [max(label.count("\n") + 1 for label in labels[row::rows]) for row in range(rows)]
    if _alone(ax):
        _make_room(ax, sum(lines) * _LINE * TEXT + (rows - 1) * 0.35 * TEXT + 11)
        look |= {"loc": "lower left", "bbox_to_anchor": (0.006, 0.01), "bbox_transform": ax.figure.transFigure}
    elif ax.figure.get_gid() == _OURS:
        from matplotlib.transforms import ScaledTranslation

        below = ScaledTranslation(0, -3.6 * TEXT / 72, ax.figure.dpi_scale_trans)
        look |= {"loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": ax.transAxes + below}
    made = ax.legend(handles, labels, **(look | style))
    made.set_in_layout(not _alone(ax))
    for text in made.get_texts():
        text.set_parse_math(False)


def note_below(ax: Axes, text: str) -> None:
    """Write what the plot needs to be read below it.

    Examples
    --------
    >>> ax = new_axes(None, (4, 3))
    >>> note_below(ax, "1  all is well")
    >>> ax.texts[0].get_text()
    '1  all is well'
    """
    lines = "\n".join(wrapped(line, _room(ax)) for line in text.split("\n"))
    where: dict[str, Any] = {"x": 0.0, "y": -0.04, "transform": ax.transAxes, "va": "top"}
    if _alone(ax):
        _make_room(ax, (lines.count("\n") + 1) * _LINE * TEXT + 6)
        where = {"x": 0.006, "y": 0.01, "transform": ax.figure.transFigure, "va": "bottom", "in_layout": False}
    ax.text(s=lines, fontsize=TEXT, color=INK, parse_math=False, linespacing=1.2, **where)


def _make_room(ax: Axes, points: float) -> None:
    """Make a figure of ours taller by a legend below everything."""
    figure: Any = ax.figure
    width, height = figure.get_size_inches()
    taller = height + points / 72
    figure.set_size_inches(width, taller)
    figure.get_layout_engine().set(rect=(0, points / 72 / taller, 1, 1 - points / 72 / taller))


def mark_target(ax: Axes, allowed_min_per_year: float, said: str = "") -> None:
    """Draw what a target allows as a broken line, with words for the legend; nothing where none is asked for.

    Examples
    --------
    >>> ax = new_axes(None, (4, 3))
    >>> mark_target(ax, 52.6)
    >>> ax.lines[0].get_label()
    'target allows 52.6 min/year'
    """
    if math.isfinite(allowed_min_per_year):
        words = said or f"target allows {minutes_text(allowed_min_per_year)} min/year"
        ax.axvline(allowed_min_per_year, color=LOST, lw=1.8, ls="--", label=words)


def tidy(ax: Axes, title: str, xlabel: str = "", ylabel: str = "") -> Axes:
    """Finish a plot: title to the left, on as many lines as it takes, units on the axes, no frame where none is needed.

    Examples
    --------
    >>> tidy(new_axes(None, (4, 3)), "a title").get_title(loc="left")
    'a title'
    """
    figure: Any = ax.figure
    room = _room(ax)
    text = ax.set_title(
        wrapped(title, room, _TITLE),
        loc="left",
        fontsize=_TITLE,
        color=INK,
        parse_math=False,
        linespacing=1.15,
        pad=9,
    )
    if _alone(ax):  # it begins where the figure begins, so that its width is known
        from matplotlib.transforms import blended_transform_factory

        across = blended_transform_factory(figure.transFigure, ax.transAxes)
        text.set_x(3 / (room + 8))
        text.set_transform(across + ax.titleOffsetTrans)  # type: ignore[attr-defined]
    height = float(figure.bbox.height) / figure.dpi * 72
    ax.set_xlabel(wrapped(xlabel, 0.68 * (room + 8)), parse_math=False, fontsize=TEXT)
    ax.set_ylabel(wrapped(ylabel, max(0.7 * height, 60.0)), parse_math=False, fontsize=TEXT)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=TEXT)
    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "log":
            _read_logarithms(axis)
    return ax


def _read_logarithms(axis: Axis) -> None:
    """Numbers on a logarithmic axis as people read them: no powers, whose exponents are too small to read."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = (math.log10(end) for end in sorted(axis.get_view_interval()))
    steps = (1.0, 2.0, 5.0) if high - low < 2.2 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=7 if len(steps) == 1 else 20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
    axis.set_minor_locator(NullLocator())  # a fifth of the time that a plot takes


def _number(value: float) -> str:
    """A number at a tick."""
    if 1e-3 <= value < 1e5:
        return f"{value:,.6g}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
