"""The course of a line in few letters: points that nobody would miss are left out, the rest goes step by step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["compact_path"]

_FAR = 0.07  # points: what is left out lies no farther from what is drawn, a tenth of a pixel


def compact_path(course: str) -> str:
    r"""Write a path of straight pieces with one decimal and without needless points; a curve keeps its points.

    Examples
    --------
    >>> compact_path("M 0 10.00\nL 5 10.01\nL 10 10.00\nL 10 20.00\nz")
    'M0 10l10 0 0 10z'
    """
    if re.search(r"[^MLz\d.\s-]", course):
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", re.sub(r"\s+", " ", course)).strip()
    return "".join(_piece(part) for part in re.findall(r"M[^M]*", course))


def _piece(part: str) -> str:
    """One line or outline."""
    import numpy as np

    points = np.array(re.findall(r"-?[\d.]+", part), dtype=float).reshape(-1, 2)
    steps = np.rint(10 * points[_kept(points)]).astype(int)
    start, moves = (
        " ".join(f"{x / 10:g} {y / 10:g}" for x, y in pairs.tolist()) for pairs in (steps[:1], np.diff(steps, axis=0))
    )
    return f"M{start}{f'l{moves}' if moves else ''}{'z' if 'z' in part else ''}"


def _kept(points: NDArray[np.float64]) -> list[int]:
    """Which points a line needs (Ramer, Douglas and Peucker): those that lie off the chord between their neighbours."""
    import numpy as np

    kept, open_ = {0, len(points) - 1}, [(0, len(points) - 1)]
    while open_:
        first, last = open_.pop()
        if last - first < 2:
            continue
        chord, inner = points[last] - points[first], points[first + 1 : last] - points[first]
        length = float(chord @ chord)
        along = np.clip(inner @ chord / length, 0.0, 1.0) if length else np.zeros(len(inner))
        off = np.hypot(*(inner - along[:, None] * chord).T)
        worst = int(off.argmax())
        if off[worst] > _FAR:
            middle = first + 1 + worst
            kept.add(middle)
            open_ += [(first, middle), (middle, last)]
    return sorted(kept)
