"""A plot as SVG within a page, whose colours follow it into the dark, and as files that stand alone on a slide."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING, Any

from k2rel.plots.compact import compact_path
from k2rel.plots.style import INK, LINE, SHARED, any_letters, wrapped
from k2rel.signs import in_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["page_svg", "plain_svg", "png_of", "svg_of", "with_source"]

_SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "k2rel", "path.simplify": True}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_FONT = "'DejaVu Sans',system-ui,sans-serif"
_VARIABLES = {INK.lower(): "ink", "#000000": "ink", SHARED.lower(): "shared", LINE.lower(): "line", "#ffffff": "paper"}
_PIXELS = 1.4  # a point on a desk
_PHONE = 358  # pixels that a phone leaves
_LEAST = 9.0  # pixels of the smallest text
_DPI = 200
_SOURCE = 7.5  # points of the line that says where a file comes from


def svg_of(ax: Axes) -> str:
    """Draw as SVG with text as text, the same for the same plot.

    Examples
    --------
    >>> from k2rel.plots.style import new_axes, tidy
    >>> ">a title</text>" in svg_of(tidy(new_axes(None, (4, 3)), "a title"))
    True
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file, figure = io.StringIO(), _figure(ax)
    dpi = figure.dpi
    with mpl.rc_context(_SETTINGS), any_letters():
        FigureCanvasSVG(figure).print_svg(file, metadata=_NO_METADATA)  # type: ignore[no-untyped-call]
    figure.dpi = dpi
    return re.sub(r"^.*?(?=<svg )|<metadata>.*?</metadata>\s*", "", file.getvalue(), flags=re.S)


def _figure(ax: Axes) -> Any:
    return ax.get_figure(root=True)


def page_svg(svg: str, alt: str) -> str:
    """Make SVG of `svg_of` part of a page: its own names, variables for colours, no more digits than can be seen.

    Examples
    --------
    >>> page_svg("<svg viewBox='0 0 36 18'><path style='fill: #222222'/></svg>", "x").partition(">")[2]
    "<path style='fill: var(--ink,#222222)'/></svg>"
    """
    key = f"k{hashlib.sha256(svg.encode()).hexdigest()[:6]}"
    used = set(re.findall(r"(?:href=\"#|url\(#)([\w-]+)", svg))  # what nothing refers to needs no name
    sizes = [float(size) for size in re.findall(r"<text [^>]*?font(?:-size)?: (?:\w+ )*([\d.]+)px", svg)]
    found = re.search(r"viewBox=['\"]0 0 ([\d.]+) ([\d.]+)", svg)
    width, height = (float(number) for number in found.groups()) if found else (1.0, 1.0)
    least = width * _LEAST / min(sizes, default=_LEAST)

    def of_page(tag: re.Match[str]) -> str:
        text = tag[0]
        if text.startswith("<svg"):
            return ""
        text = re.sub(r" id=\"([^\"]*)\"", lambda own: f' id="{key}{own[1]}"' if own[1] in used else "", text)
        text = re.sub(r"(?:xlink:)?href=\"#", f'href="#{key}', text).replace("url(#", f"url(#{key}")
        text = re.sub(r"(\.\d\d)\d+", r"\1", text)
        text = re.sub(r"(?<= d=\")[^\"]*", lambda d: compact_path(d[0]), text)
        text = re.sub(r' transform="rotate\(-?0 [^"]*"', "", text)
        text = re.sub(r"font-family: [^;\"]*;? ?|; stroke-linejoin: miter", "", text)
        text = re.sub(r"(font: )(\w* ?)([\d.]+px) [^;\"]*", r"font-size: \3", text)
        colours = {k: v for k, v in _VARIABLES.items() if v != "paper"} if text.startswith("<text") else _VARIABLES
        return re.sub(r"#[0-9a-f]{6}\b", lambda c: f"var(--{colours[c[0]]},{c[0]})" if c[0] in colours else c[0], text)

    body = re.sub(r">\s+<", "><", re.sub(r"<[^<>]+>", of_page, re.sub(r"<!--.*?-->", "", svg, flags=re.S)))
    style = f"width:{round(width * _PIXELS)}px;max-width:100%;height:auto;font-family:{_FONT};fill:var(--ink,{INK})"
    if least > _PHONE:
        style += f";min-width:{round(least)}px"
    label = in_html(alt)
    root = f"<svg class='k2c' role='img' aria-label='{label}' viewBox='0 0 {width:g} {height:g}' style=\"{style}\">"
    drawn = root + body.strip().replace(">*{", ">.k2c *{", 1)  # the style of a plot is nobody else's
    # what does not fit on a phone is moved from side to side, also by keys
    wide = "<div class='k2c-wide' role='group' aria-label='picture that scrolls' tabindex='0' style='overflow-x:auto'>"
    return f"{wide}{drawn}</div>" if least > _PHONE else drawn


# names of colours, and what they stand for; --s is by how much a title is shifted, which no colour needs
_VARIABLE = r"--(?!s\b)[\w-]+"
_VALUE = r"(?:[^;}()'\"]|\((?:[^()]|\([^()]*\))*\))+"


def plain_svg(svg: str) -> str:
    """Put the light colours in place of variables, which programs for slides do not know.

    Examples
    --------
    >>> plain_svg("<style>.a{--k:#123;fill:var(--k)}</style><path style='fill:var(--ink,#222)'/>")
    "<style>.a{fill:#123}</style><path style='fill:#222'/>"
    """
    own = dict(re.findall(rf"({_VARIABLE}):({_VALUE})", svg))
    svg = re.sub(rf"{_VARIABLE}:{_VALUE};?", "", svg)
    for _ in range(3):  # a variable can stand for another one
        svg = re.sub(rf"var\(({_VARIABLE})(?:,([^()]*))?\)", lambda v: own.get(v[1]) or v[2] or "none", svg)
    return re.sub(r"color-mix\(in srgb,#(\w{6}) (\d+)%,#(\w{6})\)", _mixed, svg)


def _mixed(found: re.Match[str]) -> str:
    """A colour between two, which the style sheet writes as color-mix."""
    first, share, second = found[1], int(found[2]) / 100, found[3]
    parts = (
        round(share * int(first[k : k + 2], 16) + (1 - share) * int(second[k : k + 2], 16)) for k in range(0, 6, 2)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)


def with_source(svg: str, source: str) -> str:
    """Add a line below that says where it comes from.

    Examples
    --------
    >>> with_source("<svg viewBox='0 0 36 18' width='36pt' height='18pt'></svg>", "Exact.").count(">Exact.</text>")
    1
    """
    found = re.search(r"viewBox=['\"]([-\d.]+) ([-\d.]+) ([\d.]+) ([\d.]+)['\"]", svg)
    if not found or not source:
        return svg
    left, top, width, height = (float(number) for number in found.groups())
    size = _SOURCE if "pt'" in svg[:400] or 'pt"' in svg[:400] else _SOURCE * 1.4
    lines = wrapped(source, width - 8, size).split("\n")
    taller = height + 1.4 * size * len(lines) + 4
    head, _, rest = svg.partition(">")
    head = head.replace(found[0], f'viewBox="{left:g} {top:g} {width:g} {taller:g}"')
    head = re.sub(r"\bheight=(['\"])[\d.]+(pt|px)?\1", lambda h: f'height="{taller:g}{h[2] or ""}"', head)
    paper = f'<rect x="{left:g}" y="{top + height:g}" width="{width:g}" height="{taller - height:g}" fill="#ffffff"/>'
    text = "".join(
        f'<text x="{left + 4:g}" y="{top + height + 1.4 * size * (n + 0.8):g}" '
        f'style="font-size:{size:g}px;font-family:{_FONT};fill:#5b6670;stroke:none">{in_html(line)}</text>'
        for n, line in enumerate(lines)
    )
    return f"{head}>{rest.removesuffix(chr(10)).removesuffix('</svg>')}{paper}{text}</svg>\n"


def png_of(ax: Axes, source: str = "") -> bytes:
    """Draw as PNG, as it was laid out by `svg_of`, with a line below that says where it comes from.

    Examples
    --------
    >>> from k2rel.plots.style import new_axes
    >>> png_of(new_axes(None, (4, 3)))[1:4]
    b'PNG'
    """
    import numpy as np
    from PIL import Image

    figure = _figure(ax)
    pixels = _pixels(figure)
    if source:
        from matplotlib.figure import Figure

        width = float(figure.get_size_inches()[0])
        lines = wrapped(source, width * 72 - 8, _SOURCE)
        strip = Figure(figsize=(width, (1.4 * _SOURCE * (lines.count("\n") + 1) + 4) / 72))
        strip.text(4 / width / 72, 1.0, lines, fontsize=_SOURCE, color="#5b6670", va="top", parse_math=False)
        pixels = np.vstack([pixels, _pixels(strip)[:, : pixels.shape[1]]])
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png", dpi=(_DPI, _DPI), compress_level=4)
    return file.getvalue()


def _pixels(figure: Any) -> Any:
    """What a figure looks like, as red, green and blue."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    dpi, engine = figure.dpi, figure.get_layout_engine()
    try:
        if engine is not None:
            figure.set_layout_engine("none")  # where everything stands is known
        figure.dpi = _DPI
        canvas: Any = FigureCanvasAgg(figure)
        with any_letters():
            canvas.draw()
        return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
    finally:
        figure.dpi = dpi
        if engine is not None:
            figure.set_layout_engine(engine)
