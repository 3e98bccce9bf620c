"""Colours and marks, the same in every figure; from the colour-blind safe set of Okabe and Ito (2008)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "COLOURS",
    "COLOUR_WORDS",
    "DOUBT",
    "GOOD",
    "INK",
    "LOST",
    "MUTED",
    "SERIES",
    "legend",
    "name_rows",
    "new_axes",
    "side_colour",
    "tidy",
]

COLOURS = ("#0072B2", "#E69F00")
"""First side and second side."""
COLOUR_WORDS = ("blue", "orange")
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


def side_colour(sides: Sequence[str], side: str | None) -> str:
    """Give the colour of a side.

    Examples
    --------
    >>> side_colour(("A", "B"), "B")
    '#E69F00'
    """
    return COLOURS[sides.index(side)] if side is not None and side in sides else SHARED


def new_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Give the axes to draw on: those handed in, or new ones of a size [inch].

    Examples
    --------
    >>> new_axes(None, (4, 3)).figure.get_size_inches().tolist()
    [4.0, 3.0]
    """
    if ax is not None:
        return ax
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained").subplots()


def name_rows(ax: Axes, names: Iterable[object], **style: Any) -> None:
    """Name rows 0, 1, ... of a plot, lowest first; underscores become blanks, and no name is read as a formula.

    Examples
    --------
    >>> ax = new_axes(None, (4, 3))
    >>> name_rows(ax, ["server_A", "server_B"])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['server A', 'server B']
    """
    labels = [str(name).replace("_", " ") for name in names]
    ax.set_yticks(range(len(labels)), labels, parse_math=False, **style)


def legend(ax: Axes, **style: Any) -> None:
    """Explain lines and bars, without a frame; no name is read as a formula.

    Examples
    --------
    >>> ax = new_axes(None, (4, 3))
    >>> _ = ax.plot([1], label="$x")
    >>> legend(ax)
    """
    for text in ax.legend(frameon=False, **style).get_texts():
        text.set_parse_math(False)


def tidy(ax: Axes, title: str, xlabel: str = "", ylabel: str = "") -> Axes:
    """Finish a plot: title to the left, units on the axes, no frame where none is needed.

    Examples
    --------
    >>> tidy(new_axes(None, (4, 3)), "a title").get_title(loc="left")
    'a title'
    """
    ax.set_title(title, loc="left", fontsize=11, color=INK, parse_math=False)
    ax.set_xlabel(xlabel, parse_math=False)
    ax.set_ylabel(ylabel, parse_math=False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
    return ax
