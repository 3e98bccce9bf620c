// The drawing as it is now, as a file of its own that looks the same wherever it is opened: light paper, every colour and
// font written at its element, for programs that know neither style sheets nor variables.

// what is written at each element, with what holds where nothing is written
const K2REL_LOOKS = { fill: "rgb(0, 0, 0)", "fill-opacity": "1", stroke: "none", "stroke-width": "1px", "stroke-opacity": "1", "stroke-dasharray": "none",
  "stroke-linecap": "butt", "stroke-linejoin": "miter", opacity: "1", "font-family": "", "font-size": "", "font-weight": "400", "font-style": "normal",
  "text-anchor": "start", "text-decoration-line": "none", "paint-order": "normal", "dominant-baseline": "auto", transform: "none" };
// a mixed colour as every program knows it
const k2relPlain = (value) => value.replace(/color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)\)/, (_, ...parts) => `rgb(${parts.slice(0, 3).map((part) => Math.round(255 * part)).join(", ")})`);
const K2REL_KEPT = new Set(["d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "width", "height", "points", "transform", "viewBox", "xmlns"]);
const K2REL_PAPER = "--paper:#fff;--ink:#222;--soft:#eceef0;--line:#d9dee2;--muted:#5b6670;color-scheme:light;animation:none;transition:none";

/** The text of an SVG file of a drawing on the page; `words` say what it shows. */
function k2relSvg(drawing, words) {
  const svg = drawing.cloneNode(true), [x, y, width, height] = drawing.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  // beside the drawing, for that its styles hold; out of sight
  svg.setAttribute("style", `${K2REL_PAPER};position:fixed;left:-9999px;top:0;max-width:none;min-width:0;width:${width}px;height:${height}px`);
  drawing.after(svg);
  const found = [...svg.querySelectorAll("*")].map((item) => [item, getComputedStyle(item)]).map(([item, style]) => {
    const hidden = style.display === "none" || style.visibility === "hidden" || item.matches("style, script, title, .hit");
    const text = item.matches("text, tspan"), names = item.matches("g") ? ["opacity", "transform"] : Object.keys(K2REL_LOOKS).filter((name) => text || !/^(font|text)-/.test(name));
    const looks = names.map((name) => [name, style.getPropertyValue(name)]).filter(([name, value]) => value && value !== K2REL_LOOKS[name] && !value.includes("url("));
    return [item, hidden, looks];
  });
  const paper = getComputedStyle(svg).backgroundColor;
  svg.remove();
  for (const [item, hidden, looks] of found) {
    if (hidden) { item.remove(); continue; }
    for (const { name } of [...item.attributes]) if (!K2REL_KEPT.has(name)) item.removeAttribute(name);
    for (const [name, value] of looks) item.setAttribute(name === "text-decoration-line" ? "text-decoration" : name, k2relPlain(value));
  }
  for (const { name } of [...svg.attributes]) if (!K2REL_KEPT.has(name)) svg.removeAttribute(name);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  const make = (tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    return made;
  };
  svg.prepend(make("title", {}, words), make("rect", { x, y, width, height, fill: paper }));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

/** The same as a picture of points, twice as many as the drawing has units. */
async function k2relPng(drawing, words) {
  const picture = new Image(), canvas = document.createElement("canvas");
  picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(k2relSvg(drawing, words));
  await picture.decode();
  canvas.width = 2 * picture.naturalWidth;
  canvas.height = 2 * picture.naturalHeight;
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("no picture"))), "image/png"));
}

/** Hand a file to who reads the page. */
function k2relHand(name, content, kind) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: kind }));
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
