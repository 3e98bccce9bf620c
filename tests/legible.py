"""What cannot be read in the SVGs of a page, measured in the browser that shows it.

For each line of text: whether it lies on another, is cut by the edge of its picture, is covered by what is painted
later, has too little contrast with what lies under it (WCAG 2.2: 4.5), or is too small on the screen. Boxes are those
of the letters, turned as the text is, so that slanted labels of an axis are measured rightly. What is not shown, as in
a closed fold, has no box and is left out: open folds first.
"""

LEAST_PX = 9.0
LEAST_CONTRAST = 4.5

MEASURE = r"""
([within, leastPx, leastContrast]) => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colours = new Map();
  const rgba = (text) => {  // whatever CSS calls a colour
    if (!colours.has(text)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = "rgba(0,0,0,0)"; pen.fillStyle = text;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      colours.set(text, [r, g, b, a / 255]);
    }
    return colours.get(text);
  };
  const over = (top, alpha, ground) => ground.map((v, i) => v * (1 - alpha) + top[i] * alpha);
  const light = (c) => {
    const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const opacities = new Map();
  const opacity = (el, svg) => {
    if (!el || el === svg.parentElement) return 1;
    if (!opacities.has(el)) opacities.set(el, Number(getComputedStyle(el).opacity) * opacity(el.parentElement, svg));
    return opacities.get(el);
  };
  const backdrop = (el) => {
    const sheets = [];
    for (let at = el; at; at = at.parentElement) sheets.unshift(rgba(getComputedStyle(at).backgroundColor));
    return sheets.reduce((ground, sheet) => over(sheet, sheet[3], ground), rgba("Canvas").slice(0, 3));
  };
  const painted = (style, what) => style[what] === "none" || style[what].startsWith("url") ? 0
    : rgba(style[what])[3] * Number(style[what + "Opacity"]);
  // corners on the screen of a text's line, from ascender to descender: letters that just touch do not read
  const corners = (el, owner) => {
    const box = el.getBBox(), to = owner.getScreenCTM();
    const top = box.y + 0.12 * box.height, bottom = box.y + box.height;
    return [[box.x, top], [box.x + box.width, top], [box.x + box.width, bottom], [box.x, bottom]]
      .map(([x, y]) => new DOMPoint(x, y).matrixTransform(to)).map((p) => [p.x, p.y]);
  };
  // how far two convex shapes lie in each other [px], by the least of all directions
  const depth = (one, other) => {
    let least = Infinity;
    for (const shape of [one, other]) for (let i = 0; i < 2; i++) {
      const [a, b] = [shape[i], shape[i + 1]], n = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
      const along = (p) => (p[0] * (b[0] - a[0]) + p[1] * (b[1] - a[1])) / n;
      const [s, t] = [one.map(along), other.map(along)];
      least = Math.min(least, Math.min(Math.max(...s), Math.max(...t)) - Math.max(Math.min(...s), Math.min(...t)));
    }
    return least;
  };
  const inside = (quad, across, down) => [0, 1].map((i) => {
    const [a, b, c, d] = quad.map((p) => p[i]);
    return (a * (1 - across) + b * across) * (1 - down) + (d * (1 - across) + c * across) * down;
  });
  // a grid whose rows and columns are a pixel apart at usual sizes: no thin line runs through between them
  const steps = (n) => [...Array(n)].map((_, i) => 0.03 + 0.94 * i / (n - 1));
  const grid = (quad) => {
    const columns = Math.min(200, Math.ceil(Math.hypot(quad[1][0] - quad[0][0], quad[1][1] - quad[0][1])) + 2);
    return [...[0.25, 0.4, 0.65].flatMap((v) => steps(columns).map((u) => inside(quad, u, v))),
            ...steps(14).slice(2, 11).flatMap((v) => [0.1, 0.5, 0.9].map((u) => inside(quad, u, v)))];
  };
  return [...document.querySelectorAll(within)].filter((svg) => !svg.ownerSVGElement).map((svg) => {
    const frame = svg.getBoundingClientRect(), faults = [], lines = [];
    const shapes = [...svg.querySelectorAll("rect,circle,ellipse,path,polygon,polyline,line")]
      .filter((el) => !el.closest("defs,clipPath,marker,pattern"))
      .map((el) => ({ el, style: getComputedStyle(el), box: el.getBoundingClientRect() }))
      .filter(({ style }) => style.visibility === "visible" && style.display !== "none")
      .map((s) => ({ ...s, fill: painted(s.style, "fill"), stroke: painted(s.style, "stroke"), back: s.el.getScreenCTM()?.inverse() }))
      .map((s) => ({ ...s, room: s.stroke ? parseFloat(s.style.strokeWidth) * 2 + 1 : 0 }))
      .filter((s) => s.back && s.fill + s.stroke > 0);
    const hits = (shape, [x, y]) => {  // [fill, stroke] at a point of the screen
      const { box, el, back, room } = shape;
      if (x < box.left - room || x > box.right + room || y < box.top - room || y > box.bottom + room) return [0, 0];
      const p = new DOMPoint(x, y).matrixTransform(back);
      return [shape.fill && el.isPointInFill(p) ? shape.fill : 0, shape.stroke && el.isPointInStroke(p) ? shape.stroke : 0];
    };
    for (const owner of svg.querySelectorAll("text")) {
      const style = getComputedStyle(owner);
      if (owner.closest("defs") || style.visibility !== "visible" || style.display === "none") continue;
      const rows = [...owner.querySelectorAll("tspan")].filter((el) => el.hasAttribute("y") || el.hasAttribute("dy"));
      for (const el of rows.length ? rows : [owner]) {
        const said = el.textContent.trim(), box = el.getBoundingClientRect();
        if (!said || box.width === 0) continue;
        lines.push({ el, owner, said, quad: corners(el, owner), style: getComputedStyle(el) });
      }
    }
    lines.forEach((line, n) => {
      const { el, owner, said, quad, style } = line;
      for (const other of lines.slice(n + 1)) {
        const deep = other.owner === owner ? 0 : depth(quad, other.quad);
        if (deep > 0.75) faults.push(["overlap", `'${said}' lies on '${other.said}' by ${deep.toFixed(1)} px`]);
      }
      const out = Math.max(...quad.flatMap(([x, y]) => [frame.left - x, x - frame.right, frame.top - y, y - frame.bottom]));
      if (out > 0.75) faults.push(["cut", `'${said}' is cut by ${out.toFixed(1)} px`]);
      const to = owner.getScreenCTM(), px = parseFloat(style.fontSize) * Math.sqrt(Math.abs(to.a * to.d - to.b * to.c));
      if (px < leastPx - 0.05) faults.push(["small", `'${said}' is ${px.toFixed(1)} px high`]);
      const points = grid(quad), [xs, ys] = [0, 1].map((i) => quad.map((p) => p[i]));
      const near = ({ box, room }) => box.left - room < Math.max(...xs) && box.right + room > Math.min(...xs)
        && box.top - room < Math.max(...ys) && box.bottom + room > Math.min(...ys);
      const after = (shape) => owner.compareDocumentPosition(shape.el) & Node.DOCUMENT_POSITION_FOLLOWING;
      for (const shape of shapes.filter((s) => near(s) && after(s))) {
        const covered = points.filter((p) => hits(shape, p).some((v) => v * opacity(shape.el, svg) > 0.3)).length;
        const by = [shape.el.tagName, shape.el.getAttribute("class"), shape.el.parentElement.dataset.part].filter(Boolean);
        if (covered > 1) faults.push(["covered", `'${said}' is covered by ${by.join(" ")} at ${covered} of ${points.length} points`]);
      }
      const halo = style.paintOrder.startsWith("stroke") && parseFloat(style.strokeWidth) >= 2 ? painted(style, "stroke") : 0;
      const least = Math.min(...[0.04, 0.5, 0.96].map((u) => {
        const point = inside(quad, u, 0.4);
        let ground = backdrop(svg);
        for (const shape of shapes.filter((s) => near(s) && !after(s))) {
          const [fill, stroke] = hits(shape, point), seen = fill || stroke ? opacity(shape.el, svg) : 0;
          if (fill) ground = over(rgba(shape.style.fill), fill * seen, ground);
          if (stroke) ground = over(rgba(shape.style.stroke), stroke * seen, ground);
        }
        if (halo) ground = over(rgba(style.stroke), halo, ground);
        return contrast(over(rgba(style.fill), painted(style, "fill") * opacity(el, svg), ground), ground);
      }));
      if (least < leastContrast) faults.push(["contrast", `'${said}' has a contrast of ${least.toFixed(1)}`]);
    });
    return { name: svg.getAttribute("aria-label") || svg.closest("figure")?.textContent.trim().slice(0, 60) || "svg",
             width: frame.width, texts: lines.length, faults };
  });
}
"""


def pictures(page, within="svg", least_px=LEAST_PX, least_contrast=LEAST_CONTRAST):
    """Outermost SVGs of a page: the name of each, its width on the screen, how many texts, [kind, words] of each fault."""
    return page.evaluate(MEASURE, [within, least_px, least_contrast])


def unreadable(page, within="svg", kinds=("overlap", "cut", "covered", "contrast", "small"), **least):
    """What cannot be read on a page, a sentence each; `within` is a selector of SVGs."""
    return [
        f"{picture['name']}: {words}"
        for picture in pictures(page, within, **least)
        for kind, words in picture["faults"]
        if kind in kinds
    ]
