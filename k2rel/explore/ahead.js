// What the next hours hold from the state that is shown: Python is asked after each change, and what must not fail now gets
// a mark on the drawing, a triangle with "!" where nothing else lies.

/** Ask for the state that is shown; one question at a time, and of those that wait only the last. */
function k2relAhead(model) {
  const place = document.createElement("section");
  place.className = "k2x-ahead";
  place.setAttribute("aria-label", "the next hours");
  let number = 0, waits = false, svg = null, marks = null, wanted = "", answered = "";
  const send = () => {
    waits = true;
    number = Math.max(number, model.get("looked") || 0) + 1;
    answered = wanted;
    model.set("present", { ...JSON.parse(wanted), number, sent: performance.now() });
    model.save_changes();
  };
  model.on("change:looked", () => {
    if (model.get("looked") !== number) return;
    waits = false;
    if (wanted !== answered) return send();
    place.innerHTML = model.get("ahead");
    place.removeAttribute("aria-busy");
    if (svg) k2relMark(svg, marks, model.get("critical"));
    const { sent } = model.get("present");
    if (sent) place.dataset.milliseconds = String(Math.round(performance.now() - sent));
    place.dataset.number = String(number);
  });
  return {
    place,
    /** Another drawing. */
    drawn(drawing, data) {
      [svg, marks, wanted] = [drawing, data.marks, ""];
      k2relLegend(svg);
    },
    /** The state that is shown now. */
    ask(state) {
      const text = JSON.stringify(state);
      if (text === wanted) return;
      wanted = text;
      place.setAttribute("aria-busy", "true");
      if (!place.firstChild) place.textContent = "The next hours: computing …";
      if (svg) k2relMark(svg, marks, []);  // those of another state
      if (!waits) send();
    },
  };
}

/** Mark on a drawing what must not fail now: each part where it stands, or on the box that it is in. */
function k2relMark(svg, marks, critical) {
  for (const old of svg.querySelectorAll(".k2x-sign")) old.remove();
  const groups = new Map([...svg.querySelectorAll("[data-part]")].map((group) => [group.dataset.part, group]));
  for (const group of groups.values()) {
    delete group.dataset.critical;
    group.removeAttribute("aria-description");
  }
  const told = new Map();
  for (const { part, services } of critical) {
    const mark = groups.has(part) ? part : marks.home[part];
    if (groups.has(mark)) told.set(mark, [...(told.get(mark) ?? []), `${part.replaceAll("_", " ")} must not fail now (${services})`]);
  }
  if (!told.size) return;
  // what no sign may lie on: texts, boxes (but their own corners) and chips; then signs that stand already
  const paper = svg.getScreenCTM().inverse(), at = (x, y) => new DOMPoint(x, y).matrixTransform(paper);
  const within = (item) => {
    const place = item.getBoundingClientRect(), one = at(place.left, place.top), other = at(place.right, place.bottom);
    return { item, left: one.x, right: other.x, top: one.y, bottom: other.y };
  };
  const shown = (item) => item.matches("rect") || (item.textContent && getComputedStyle(item).visibility !== "hidden");
  const taken = [...svg.querySelectorAll("text tspan, text:not(:has(tspan)), .chip > rect, .box > rect:first-of-type")].filter(shown).map(within);
  const half = K2REL_SIGN, [, , width, height] = k2relRoom(svg);
  const covers = ([x, y], own) => taken.reduce((sum, each) => {
    const across = Math.min(x + half, each.right) - Math.max(x - half, each.left), up = Math.min(y + half, each.bottom) - Math.max(y - half, each.top);
    return across > 0 && up > 0 && each.item !== own ? sum + across * up : sum;
  }, x < half || y < half || x > width - half || y > height - half ? 1e6 : 0);
  for (const [mark, words] of told) {
    const group = groups.get(mark);
    group.dataset.critical = "";
    group.setAttribute("aria-description", words.join("; "));
    const chip = group.matches(".chip"), own = (chip ? groups.get(marks.home[mark]) ?? group : group).querySelector("rect");
    let places = [];
    if (group.matches(".link")) {
      const path = group.querySelector("path"), length = path.getTotalLength();
      for (const share of [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82]) {
        const { x, y } = path.getPointAtLength(share * length);
        places.push([x, y]);
      }
    } else {
      const { left, right, top, bottom } = within(group.querySelector("rect"));
      if (chip) places = [[right + half, (top + bottom) / 2], [left - half, (top + bottom) / 2], [(left + right) / 2, top - half], [(left + right) / 2, bottom + half], [right + half, top - half], [left - half, top - half]];
      else places = [[right - half - 2, top + half + 2], [left + half + 2, top + half + 2], [right - half - 2, bottom - half - 2], [left + half + 2, bottom - half - 2], [right, top], [left, top], [right, bottom], [left, bottom]];
    }
    const [x, y] = places.map((place) => [covers(place, own), place]).reduce((best, each) => (each[0] < best[0] ? each : best))[1];
    taken.push({ left: x - half, right: x + half, top: y - half, bottom: y + half });
    const sign = k2relSign(x, y);
    sign.dataset.of = mark;
    svg.querySelector(":scope > .key.k2x-told").before(sign);
  }
}

const K2REL_SIGN = 9;  // half the width of a sign

const k2relRoom = (svg) => svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);

function k2relDrawn(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

function k2relSign(x, y, kind = "k2x-sign") {
  const sign = k2relDrawn("g", { class: kind }), half = K2REL_SIGN;
  sign.append(k2relDrawn("path", { class: "plate", d: `M${x},${y - half} l${half},${1.8 * half} h${-2 * half} z` }));
  sign.append(k2relDrawn("path", { class: "stroke", d: `M${x},${y - half + 6} v5 m0,2.6 v1.6` }));
  return sign;
}

/** What the sign means, in a line of its own below the drawing. */
function k2relLegend(svg) {
  const [left, top, width, height] = k2relRoom(svg), row = 26;
  svg.setAttribute("viewBox", `${left} ${top} ${width} ${height + row}`);
  const key = k2relDrawn("g", { class: "key k2x-told" }), y = height + row / 2;
  key.append(k2relSign(18, y, "k2x-sign-told"), k2relDrawn("text", { class: "name", x: 34, y: y + 5 }, "must not fail now: alone it takes a service down"));
  svg.append(key);
}
