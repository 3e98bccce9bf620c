"""The positions of a role and the steps between them, drawn for docs/concepts/takeovers.md.

python tests/positions.py      write the picture anew (make picture)
"""

from __future__ import annotations

from pathlib import Path

from k2rel.plots.style import COLOURS, GOOD, INK, LOST, SHARED
from k2rel.policy.positions import Kind

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "takeover-positions.svg"

# what follows what, by the event that leads there: "begins" and "ends" happen at once
STEPS: dict[tuple[Kind, Kind], set[str]] = {
    (Kind.HELD, Kind.ON_ITS_WAY): {"begins", "detection", "spurious"},
    (Kind.HELD, Kind.RETRYING): {"begins", "detection", "spurious"},
    (Kind.HELD, Kind.STRANDED): {"begins", "detection", "spurious"},
    (Kind.HELD, Kind.SPLIT): {"begins", "detection"},
    (Kind.HELD, Kind.GIVING_BACK): {"failback"},
    (Kind.HELD, Kind.DRILLING): {"drill"},
    (Kind.ON_ITS_WAY, Kind.HELD): {"switchover"},
    (Kind.ON_ITS_WAY, Kind.STRANDED): {"switchover"},
    (Kind.RETRYING, Kind.HELD): {"retry"},
    (Kind.RETRYING, Kind.STRANDED): {"retry", "retry_fails"},
    (Kind.STRANDED, Kind.HELD): {"manual_takeover"},
    (Kind.STRANDED, Kind.RESTORING): {"manual_takeover_fails"},
    (Kind.RESTORING, Kind.HELD): {"restoration"},
    (Kind.GIVING_BACK, Kind.HELD): {"switchover"},
    (Kind.GIVING_BACK, Kind.STRANDED): {"switchover"},
    (Kind.DRILLING, Kind.HELD): {"drill_end"},
    (Kind.DRILLING, Kind.STRANDED): {"drill_end"},
    (Kind.SPLIT, Kind.MENDING): {"ends"},
    (Kind.MENDING, Kind.HELD): {"mending"},
    (Kind.MENDING, Kind.RESTORING_DATA): {"data_loss"},
    (Kind.RESTORING_DATA, Kind.HELD): {"data_restore"},
}

WIDTH, LANE, TOP = 1000, 74, 58
COLUMN = {1: (262, 190), 2: (560, 190)}  # left edge and width
LEFT, RIGHT = (16, 132), (852, 132)
# where each box stands: column, lane; and what is said in it
BOXES: dict[Kind, tuple[int, int, str, str]] = {
    Kind.ON_ITS_WAY: (1, 0, "moving", "switchover, fence before it"),
    Kind.RETRYING: (1, 1, "retrying", "until the next attempt"),
    Kind.STRANDED: (2, 2, "stranded", "waits for an operator"),
    Kind.RESTORING: (2, 3, "restoring", "the operator failed"),
    Kind.SPLIT: (1, 4, "split", "two holders have the role"),
    Kind.MENDING: (2, 4, "mending", "the split is over"),
    Kind.RESTORING_DATA: (2, 5, "restoring data", "from a copy"),
    Kind.GIVING_BACK: (1, 6, "giving back", "no holder ready: stranded"),
    Kind.DRILLING: (1, 7, "drilling", "no holder ready: stranded"),
}
INTO = {  # what leads from "held" into a lane
    Kind.ON_ITS_WAY: "succeeds", Kind.RETRYING: "fails", Kind.STRANDED: "fails; no retry, or it was unready",
    Kind.SPLIT: "both active", Kind.GIVING_BACK: "failback", Kind.DRILLING: "drill",
}  # fmt: skip
OUT = {  # and out of one
    Kind.ON_ITS_WAY: "arrives", Kind.RETRYING: "attempt succeeds", Kind.STRANDED: "operator", Kind.RESTORING: "restored",
    Kind.MENDING: "mended", Kind.RESTORING_DATA: "restored", Kind.GIVING_BACK: "arrives",
    Kind.DRILLING: "drill over",
}  # fmt: skip


def _text(x: float, y: float, words: str, size: int = 13, anchor: str = "middle", weight: int = 400) -> str:
    return (
        f"<text x='{x:g}' y='{y:g}' text-anchor='{anchor}' style='font:{weight} {size}px system-ui,sans-serif' "
        f"fill='{INK}'>{words}</text>"
    )


def _arrow(
    points: list[tuple[float, float]], words: str = "", x: float = 0, y: float = 0, anchor: str = "middle"
) -> str:
    way = " ".join(f"{a:g},{b:g}" for a, b in points)
    line = f"<polyline points='{way}' fill='none' stroke='{SHARED}' stroke-width='1.5' marker-end='url(#tip)'/>"
    return line + (_text(x, y, words, 12, anchor) if words else "")


def _middle(lane: int) -> float:
    return TOP + LANE * lane + 26


def _box(kind: Kind) -> str:
    column, lane, name, more = BOXES[kind]
    x, width = COLUMN[column]
    y, colour = _middle(lane) - 25, COLOURS[1] if kind == Kind.SPLIT else LOST
    dash = "" if kind == Kind.SPLIT else " stroke-dasharray='5 3'"
    double = f"<rect x='{x + 4}' y='{y + 4}' width='{width - 8}' height='42' rx='4' fill='none' stroke='{colour}'/>"
    return (
        f"<rect x='{x}' y='{y:g}' width='{width}' height='50' rx='6' fill='#fff' stroke='{colour}' stroke-width='2'{dash}/>"
        + double * (kind == Kind.SPLIT) + _text(x + width / 2, y + 21, name, 14, weight=600)
        + _text(x + width / 2, y + 38, more, 12)
    )  # fmt: skip


def _bar(place: tuple[int, int], words: tuple[str, ...], height: float) -> str:
    x, width = place
    lines = "".join(_text(x + width / 2, TOP + 30 + 20 * n, each, 14 if n == 0 else 12, weight=600 if n == 0 else 400)
                    for n, each in enumerate(words))  # fmt: skip
    return (
        f"<rect x='{x}' y='{TOP}' width='{width}' height='{height:g}' rx='6' fill='#fff' stroke='{GOOD}' "
        f"stroke-width='3'/>{lines}"
    )


def picture() -> str:
    """The picture, from left to right: a role that is held, what it goes through, and that it is held again."""
    lanes = max(lane for _, lane, *_ in BOXES.values()) + 1
    height = LANE * lanes - 22
    from_x, to_x = LEFT[0] + LEFT[1], RIGHT[0]
    drawn = [
        _text(LEFT[0], 22, "Positions of a role", 16, "start", 600),
        _text(LEFT[0], 42, "Solid green: performed. Dashed red: down. Double orange: two holders have it, and the file says "
              "who serves.", 12, "start"),
        _bar(LEFT, ("held", "by a holder, also", "while a failure is", "not yet detected", "", "a takeover starts:", "at once,",
                    "after detection,", "or spuriously"), height),
        _bar(RIGHT, ("held", "by the same holder", "or another one"), height),
    ]  # fmt: skip
    for kind, (column, lane, *_) in BOXES.items():
        (x, width), y = COLUMN[column], _middle(lane)
        if kind in INTO:
            at = (from_x + COLUMN[1][0]) / 2 if column == 1 else (from_x + x) / 2
            drawn.append(_arrow([(from_x, y), (x - 2, y)], INTO[kind], at, y - 7))
        if kind in OUT:
            drawn.append(_arrow([(x + width, y), (to_x - 2, y)], OUT[kind], to_x - 8, y - 7, "end"))
    (one, wide), two = COLUMN[1], COLUMN[2][0]

    def down(kind: Kind, words: str) -> str:
        """To the box below in the second column."""
        y = _middle(BOXES[kind][1])
        return _arrow([(two + 60, y - LANE + 25), (two + 60, y - 27)], words, two + 68, y - LANE / 2 + 4, "start")

    stranded = _middle(2) - 27
    drawn += [
        _arrow([(one + wide, _middle(0) + 14), (two + 150, _middle(0) + 14), (two + 150, stranded)], "no holder is ready", two + 144,
               _middle(0) + 30, "end"),
        _arrow([(one + wide, _middle(1) + 14), (two + 60, _middle(1) + 14), (two + 60, stranded)], "attempt fails", two + 52,
               _middle(1) + 30, "end"),
        down(Kind.RESTORING, "operator fails"),
        _arrow([(one + wide, _middle(4)), (two - 2, _middle(4))], "split ends", (one + wide + two) / 2, _middle(4) - 7),
        down(Kind.RESTORING_DATA, "data differ"),
        *map(_box, BOXES),
    ]  # fmt: skip
    tip = (
        f"<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8' markerHeight='8' orient='auto'>"
        f"<path d='M0,0 L8,4 L0,8 z' fill='{SHARED}'/></marker></defs>"
    )
    size = TOP + height + 16
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {size:g}' width='{WIDTH}' role='img' "
        "aria-label='Positions of a role and the steps between them'>"
        f"<rect width='100%' height='100%' fill='#fff'/>{tip}{''.join(drawn)}</svg>\n"
    )


def main() -> None:
    """Write the picture."""
    PICTURE.write_text(picture())


if __name__ == "__main__":
    main()
