"""How wide words are in a drawing, how they are broken, and where on the paper there is room for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

__all__: list[str] = []

LINE = 1.17
"""Height of a line in sizes of its letters."""
_BOLD = 1.12
_STROKE = 2.3  # half the width of a course
# widths of DejaVu Sans [em], the widest that browsers take for system-ui: room for it is room for the others
_EM = {
    "'ijlI": 0.3, " J|": 0.34, "f": 0.36, "()/[],.:;-": 0.4, "rt": 0.42, '"': 0.46, "csz_": 0.56, "kvxy": 0.6,
    "aeoLFPETY": 0.63, "ABCKSVXZ": 0.7, "DNRU&": 0.78, "GHOQw+=<>#^~": 0.84, "Mm%": 0.98, "W@": 1.0,
}  # fmt: skip
_WIDTHS = {letter: em for letters, em in _EM.items() for letter in letters}


class Rect(NamedTuple):
    """A rectangle on the paper; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rect) -> bool:
        """Whether both have more than an edge in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def crossed(self, a: tuple[float, float], b: tuple[float, float]) -> bool:
        """Whether the straight line from a to b runs through it; clipped edge by edge (Liang and Barsky)."""
        if max(a[1], b[1]) <= self.top or min(a[1], b[1]) >= self.bottom:
            return False
        if max(a[0], b[0]) <= self.left or min(a[0], b[0]) >= self.right:
            return False
        first, last = 0.0, 1.0
        for start, step, low, high in (
            (a[0], b[0] - a[0], self.left, self.right),
            (a[1], b[1] - a[1], self.top, self.bottom),
        ):
            if step == 0:
                if not low < start < high:
                    return False
                continue
            one, other = sorted(((low - start) / step, (high - start) / step))
            first, last = max(first, one), min(last, other)
        return first < last


def around(x: float, y: float, width: float, height: float) -> Rect:
    """Give the rectangle of a size around a point."""
    return Rect(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def wide(text: str, size: float, *, bold: bool = False) -> float:
    """Estimate how wide a text is; letters that are not Latin count as square."""
    em = sum(_WIDTHS.get(letter, 0.64 if letter < "\u0250" else 1.0) for letter in text)
    return em * size * (_BOLD if bold else 1.0)


def fitted(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Cut a text to a width, with an ellipsis; what a title element holds in full."""
    if wide(text, size, bold=bold) <= room:
        return text
    while text and wide(text + "…", size, bold=bold) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(text: str, room: float, size: float, most: int, *, bold: bool = False) -> list[str]:
    """Break a text into at most so many lines of a width; what is too long for that is cut."""
    lines: list[str] = []
    for word in text.split():
        if lines and wide(f"{lines[-1]} {word}", size, bold=bold) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    kept = [*lines[: most - 1], " ".join(lines[most - 1 :])] if len(lines) > most else lines
    return [fitted(line, room, size, bold=bold) for line in kept]


class Paper:
    """What lies on the paper already: rectangles that nothing may cover, and courses better not crossed."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.taken: list[Rect] = []
        self.courses: dict[str, list[tuple[tuple[float, float], tuple[float, float]]]] = {}

    def draw(self, name: str, points: Sequence[tuple[float, float]]) -> None:
        """Take note of the course of a line."""
        self.courses.setdefault(name, []).extend(pairwise(points))

    def free(self, rect: Rect) -> bool:
        """Whether nothing lies there, on the paper."""
        inside = rect.left >= 0 and rect.top >= 0 and rect.right <= self.width and rect.bottom <= self.height
        return inside and not any(rect.meets(other) for other in self.taken)

    def through(self, rect: Rect, own: str) -> list[str]:
        """Name the courses but its own that run through a rectangle, by their middle or their edge."""
        near = Rect(rect.left - _STROKE, rect.top - _STROKE, rect.right + _STROKE, rect.bottom + _STROKE)
        return [
            name
            for name, pieces in self.courses.items()
            if name != own and any(near.crossed(*piece) for piece in pieces)
        ]

    def place(self, candidates: Iterable[tuple[float, Rect]], own: str) -> Rect | None:
        """Take the free candidate of least cost, the first of these: its own, and one for each course through it."""
        best: tuple[float, Rect] | None = None
        for cost, rect in candidates:
            if (best is None or cost < best[0]) and self.free(rect):
                cost += len(self.through(rect, own))
                if best is None or cost < best[0]:
                    best = (cost, rect)
                if cost == 0:
                    break
        if best is None:
            return None
        self.taken.append(best[1])
        return best[1]
