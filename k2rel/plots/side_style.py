"""What the style sheet of drawings has for sides beyond blue and orange, under a class of its own."""

from __future__ import annotations

from collections.abc import Sequence

from k2rel.plots.palette import side_colours

__all__: list[str] = []


def side_style(sides: Sequence[str]) -> tuple[str, str]:
    """Class and style sheet for the colours of sides; both empty for one or two in blue and orange.

    A part on the routes of two of several sides has both colours, on more it is dark.
    """
    colours = side_colours(tuple(sides))
    if len(sides) <= 2 and colours == side_colours(("A", "B"))[: len(sides)]:
        return "", ""
    kind = "c" + "".join(colour.code[1:].lower() for colour in colours)
    own = f".k2d.{kind}"
    rules = [f"{own}{{{';'.join(f'--k{n}:{colour.code}' for n, colour in enumerate(colours))}}}"]
    for n in range(len(sides)):
        rules += [
            f"{own} :is([data-side='{n}'],[data-way='{n}'])>rect{{stroke:var(--k{n})}}",
            f"{own} .link:is([data-way='{n}'],[data-way^='{n} ']) .way{{stroke:var(--k{n})}}",
            f"{own} .link[data-way$=' {n}'] .two{{stroke:var(--k{n})}}",
        ]
    rules += [
        f"{own} .link[data-way*=' '] .way{{stroke-width:4.6;stroke-linecap:butt}}",
        f"{own} .link[data-way*=' '] .two{{visibility:visible;stroke-width:2.3}}",
        f"{own} [data-way='several']>rect,{own} [data-way*=' ']>rect{{stroke:var(--ki)}}",
        f"{own} .link[data-way='several'] .way{{stroke:var(--ki)}}",
        f"{own} .key .side{{stroke-width:4.5}}",
    ]
    return kind, f"<style>{''.join(rules)}</style>"
