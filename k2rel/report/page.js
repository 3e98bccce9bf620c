// Tables that can be sorted and copied, regions that scroll within reach of the keyboard; the explorer comes after it.
"use strict";
// one thing at a time, while nobody waits: a page of thirty tables is read at once and ready a moment later
const later = [], idle = window.requestIdleCallback ?? ((call) => setTimeout(call));
const next = (deadline) => {
  do later.shift()?.(); while (later.length && deadline?.timeRemaining() > 4);
  if (later.length) idle(next, { timeout: 200 });
};
function dressed(wrap) {
  const table = wrap.querySelector("table"), body = table?.tBodies[0];
  if (!body || body.rows.length < 2) return;
  const number = (text) => {
    const found = text.replaceAll(",", "").match(/^[<>~]?\s*(-?\d+(\.\d+)?(e[-+]?\d+)?)(?!\d*[A-Za-z_])/i);
    return text === "never" ? Infinity : found ? Number(found[1]) : NaN;
  };
  const unit = { s: 1 / 3600, min: 1 / 60, h: 1, d: 24, days: 24, y: 8760, years: 8760 };
  const value = (cell) => {
    const text = cell.textContent.trim(), size = number(text), name = text.split(" ").at(-1);
    return Object.hasOwn(unit, name) ? size * unit[name] : size;
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button"), term = head.querySelector("a.term");
    button.type = "button";
    button.className = "sort";
    // a heading that leads to the glossary stays a link, with the button beside it
    if (term) button.setAttribute("aria-label", `sort by ${term.textContent}`);
    else button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].map((row, index) => ({ row, index, text: row.cells[column]?.textContent.trim() ?? "", size: row.cells[column] ? value(row.cells[column]) : NaN }));
      const numeric = rows.filter((r) => r.text !== "–" && r.text !== "").every((r) => !Number.isNaN(r.size));
      rows.sort((a, b) => {
        const empty = (x) => (numeric ? Number.isNaN(x.size) : x.text === "–" || x.text === "");
        if (empty(a) || empty(b)) return empty(a) - empty(b) || a.index - b.index;
        const order = numeric ? a.size - b.size : a.text.localeCompare(b.text);
        return (up ? order : -order) || a.index - b.index;
      });
      body.append(...rows.map((r) => r.row));
    });
  });
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "copy";
  copy.textContent = "copy table";
  copy.addEventListener("click", async () => {
    // a text that a spreadsheet would take for a formula is copied as a text
    const plain = (text) => (/^[=+@-]/.test(text) && Number.isNaN(number(text)) ? "'" + text : text);
    const said = (cell) => plain(cell.textContent.trim().replace(/\s+/g, " "));
    const text = [...table.rows].map((row) => [...row.cells].map(said).join("\t")).join("\n");
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "away";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    copy.textContent = done ? "copied" : "not copied";
    setTimeout(() => { copy.textContent = "copy table"; }, 1500);
  });
  wrap.append(copy);
}
for (const wrap of document.querySelectorAll(".table-wrap")) later.push(() => dressed(wrap));
for (const region of document.querySelectorAll(".table-wrap,.lights-wrap,.k2x-panel,figure,pre")) k2relReach.observe(region);
idle(next, { timeout: 200 });
