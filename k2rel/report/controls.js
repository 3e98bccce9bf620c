// The controls of one live drawing: parts that fail by a click or a key, what follows in tables, files in and out.

/** Write a note on the lines that the drawing keeps for it, each cut to the room there. */
function k2relNote(text, note) {
  if (!text) return;
  const lines = [...text.children], said = note.split(", ");
  lines.forEach((line, n) => {
    let words = n < lines.length - 1 ? said[n] || "" : said.slice(n).join(", ");
    line.textContent = words;
    while (words && line.getComputedTextLength() > Number(text.dataset.room)) line.textContent = (words = words.slice(0, -1)).trimEnd() + "…";
  });
}

/** Make one drawing live. `host` has the memory of states, what can be chosen, what a file says beside, and who hears. */
function k2relExplorer(root, data, host) {
  const svg = root.querySelector("svg"), panel = root.querySelector(".k2x-panel");
  const { memory } = host, marks = data.marks;
  let failed = new Set(), home = data.home;
  const element = (tag, text, kind) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const words = (name) => name.replaceAll("_", " ");
  const button = (text, call, label) => {
    const made = element("button", text);
    made.type = "button";
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", call);
    return made;
  };
  const own = Object.values(data.policies[home].client_parts), several = data.clients > 1;
  // a mark of all other clients stands for the first of them that has the part
  const partOf = (mark) => Object.hasOwn(data.stands_for, mark) ? data.stands_for[mark] : mark;
  const groups = data.policies[home].clients, patterns = data.policies[home].client_parts;
  const spelled = (part, client) => client + patterns[part].slice("client_#".length);
  /** The part that a name means, with the client's name too; undefined where there is none. */
  const meant = new Map(data.parts.map((part) => [part, part]));
  const everyOwn = groups.flatMap(([client, group]) => data.parts_of[group].map((part) => [part, client]));
  for (const [part, client] of everyOwn) meant.set(spelled(part, client), spelled(part, client));
  for (const [part, client] of everyOwn.filter(([, client]) => Object.hasOwn(data.names, client))) {
    const name = spelled(part, data.names[client]);
    if (!meant.has(name)) meant.set(name, spelled(part, client));
  }
  const isPart = (name) => meant.has(name);
  /** A part in words, a client's own with its name: "mon-1 nic 1 (client 6)". */
  const titleOf = (part) => {
    const client = /^client_\d+/.exec(part)?.[0];
    return client === undefined || !meant.has(part) || !Object.hasOwn(data.names, client) ? words(part) : `${data.names[client]}${words(part.slice(client.length))} (${words(client)})`;
  };

  function table(heads, rows, caption) {
    const made = element("table"), top = made.createTHead().insertRow();
    made.createCaption().textContent = caption;
    made.caption.className = "k2x-hidden";
    heads.forEach(([head, kind]) => { const th = element("th", head, kind); th.scope = "col"; top.append(th); });
    const body = made.createTBody();
    rows.forEach((cells) => {
      const row = body.insertRow();
      cells.forEach((cell, n) => {
        const td = row.insertCell();
        if (heads[n][1]) td.className = heads[n][1];
        if (cell instanceof Node) td.append(cell); else td.textContent = cell;
      });
    });
    return made;
  }

  const mark = (text, bad) => element("span", text, bad ? "failed" : "");
  const stateOf = (item) => item.short ? ["over", "overloaded"] : item.overloaded ? ["slowed", "background slowed"]
    : item.at_limit ? ["limit", "at its limit"] : ["carried", "carried"];
  const loadOf = (item) => item.load_mb_s ?? item.load, capacityOf = (item) => item.capacity_mb_s ?? item.capacity;
  function bar(item) {
    const load = loadOf(item), capacity = capacityOf(item);
    const made = element("span", undefined, "k2x-bar"), filled = element("span");
    const [kind, text] = stateOf(item);
    made.dataset.load = kind;
    filled.style.width = `${100 * Math.min(1, load / capacity)}%`;
    const about = { role: "meter", "aria-valuemin": 0, "aria-valuemax": capacity, "aria-valuenow": Math.min(load, capacity),
      "aria-valuetext": `${load.toFixed(1)} of ${capacity} ${item.unit ?? "MB/s"}, ${text}`, "aria-label": `load of ${words(item.element)}` };
    for (const [name, value] of Object.entries(about)) made.setAttribute(name, value);
    made.append(filled);
    return made;
  }
  function loadTable(loads) {
    const digits = (values) => (values.every((value) => Number.isInteger(value)) ? 0 : 1);
    const ofLoad = Math.max(1, digits(loads.map(loadOf))), ofCapacity = digits(loads.map(capacityOf));
    const units = [...new Set(loads.map((item) => item.unit ?? "MB/s"))], one = units.length < 2 ? ` [${units[0] ?? "MB/s"}]` : "";
    const beside = (item) => (one ? "" : ` ${item.unit ?? "MB/s"}`);
    return table([["element"], [`load${one}`, "k2x-n"], [`capacity${one}`, "k2x-n"], ["used"], ["state"]], loads.map((item) => {
      const [kind, text] = stateOf(item), said = element("span", text, kind === "over" ? "failed" : `k2x-${kind}`);
      return [words(item.element), loadOf(item).toFixed(ofLoad) + beside(item), capacityOf(item).toFixed(ofCapacity) + beside(item), bar(item), said];
    }), "load on each element now");
  }
  const lines = (texts) => {
    const made = element("span");
    texts.forEach((text, n) => made.append(...(n ? [document.createElement("br")] : []), text));
    return made;
  };
  function nowTable(policy, outcome) {
    const sidesOf = (used) => [...new Set(used.map((route) => route.side))].sort().join(" and ");
    const counts = new Map([...data.sides, ""].map((sides) => [sides, 0]));
    for (const client of outcome.clients) {
      const sides = sidesOf(client.routes[policy.principal] ?? []);
      counts.set(sides, (counts.get(sides) ?? 0) + 1);
    }
    const cut = counts.get("");
    counts.delete("");
    const held = (name, side) => Object.hasOwn(outcome.holders, name) ? policy.roles[name].named[outcome.holders[name]].words : `at ${side}`;
    const wanting = new Map();
    for (const [part, causes] of Object.entries(outcome.wanting)) {
      const what = `down for lack of ${causes.map(words).join(" and ")}`;
      wanting.set(what, [...(wanting.get(what) ?? []), words(part)]);
    }
    const rows = [
      ...Object.entries(outcome.services).map(([name, there]) => [words(name), mark(there ? "up" : "DOWN", !there)]),
      ...Object.entries(outcome.roles).map(([name, side]) => [`role ${words(name)}`, Object.hasOwn(outcome.split, name) ? mark(`at ${outcome.split[name].map(words).join(" and ")} at once`, true) : side === null ? mark("no holder", true) : held(name, side)]),
      ...(policy.suspended.length ? [["suspended", outcome.suspended.length ? mark(outcome.suspended.map(words).join(", "), true) : "none"]] : []),
      ["out of service", outcome.out_of_service.map(words).join(", ") || "none"],
      ...[...wanting].map(([what, parts]) => [what, mark(parts.join(", "), true)]),
      ...Object.entries(outcome.standby).map(([name, there]) => [`standby for ${words(name)}`, mark(there ? "ready" : "NOT READY", !there)]),
      [`clients' ${words(policy.principal)}`, [...counts].map(([sides, count]) => `${count} on ${sides}`).join(", ") + `, ${cut} cut off`],
    ];
    const ofClient1 = new Set(own.map((pattern) => pattern.replace("#", 1)));
    const routes = outcome.clients[0].routes, several = Object.values(routes).some((used) => used.length > 1);
    for (const name of [...(several ? [policy.principal] : []), ...policy.further]) {
      const used = routes[name] ?? [], copies = policy.choices[name].copies;
      const joined = (parts, among) => parts.filter(among).map(words).join(" → ");
      const branched = (stage, among) => {
        const found = (typeof stage === "string" ? [[stage]] : stage).map((parts) => joined(parts, among)).filter(Boolean);
        return found.length > 1 ? `(${found.join(" | ")})` : found.join("");
      };
      const ways = used.map(({ share, stages }) => {
        const part = used.length < 2 ? "" : copies ? "copy by " : `${Number((100 * share).toPrecision(3))} % by `;
        const behind = (among) => stages.map((stage) => branched(stage, among)).filter(Boolean).join(" → ");
        // where all of a way is the client's own, its parts are named
        return part + (behind((each) => !ofClient1.has(each)) || behind(() => true).replaceAll("client 1 ", ""));
      });
      rows.push([`${words(name)} of client 1`, ways.length ? lines(ways) : mark("cut off", true)]);
    }
    return table([["what"], ["now"]], rows, "services, roles and paths now");
  }

  /** Why roles are where they are, and the takeovers that this begins. */
  function whyOf(outcome) {
    const told = outcome.reasons.map((text) => element("li", words(text)));
    if (told.map((item) => item.textContent).join() !== [...why.children].map((item) => item.textContent).join()) why.replaceChildren(...told);
    const drawn = k2relSteps(outcome.takeovers);
    const rule = "Mean times as modelled; roles that move at one instant are one takeover. Paths and loads shown are those after it has succeeded.";
    begun.replaceChildren(...(drawn.length ? [element("h3", outcome.takeovers.length > 1 ? "Takeovers, step by step" : "The takeover, step by step"), ...drawn, element("p", rule, "more")] : []));
  }

  function paint(looks) {
    for (const group of svg.querySelectorAll("[data-part]")) {
      const look = looks[group.dataset.part];
      if (look.way) group.dataset.way = look.way; else delete group.dataset.way;
      for (const key of ["further", "failed", "out", "over", "slowed", "full"]) if (look[key]) group.dataset[key] = ""; else delete group.dataset[key];
      for (const key of ["load", "share"]) {
        const text = group.querySelector(`.${key}`);
        if (text) text.textContent = look[key];
      }
      k2relNote(group.querySelector(".note"), look.note);
      k2relNote(group.querySelector(".held"), look.held);
      group.setAttribute("aria-pressed", String(failed.has(partOf(group.dataset.part))));
    }
  }

  function listFailed() {
    const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
    list.replaceChildren(...[...failed].map((part) => {
      const item = element("li", titleOf(part) + " ");
      item.append(button("repair", () => toggle(part), `repair ${titleOf(part)}`));
      return item;
    }));
    // who repairs by the keyboard stays among what is left to repair
    if (focused >= 0) (list.querySelectorAll("button")[Math.min(focused, failed.size - 1)] ?? tools.querySelector("button")).focus();
  }

  /** Show a state; gives sentences on what of it is not here. */
  function show(state) {
    const wrong = state.failed.filter((part) => !isPart(part)), problems = [];
    if (wrong.length) problems.push(`${k2relState.some(wrong.map((part) => `"${part.slice(0, 60)}"`))} ${wrong.length > 1 ? "are not parts" : "is not a part"} of ${data.level} with ${data.clients} client${several ? "s" : ""}`);
    const side = state.roles || data.home;
    if (!Object.hasOwn(data.policies, side)) problems.push(`roles cannot be at "${side.slice(0, 60)}" before (${Object.keys(data.policies).join(", ")})`);
    failed = new Set(state.failed.filter(isPart).map((part) => meant.get(part)));
    home = Object.hasOwn(data.policies, side) ? side : data.home;
    if (problems.length) memory.correct({ failed: [...failed], roles: home === data.home ? "" : home });
    const policy = data.policies[home], outcome = k2relEvaluate(policy, [...failed]);
    paint(k2relLooks(policy, marks, outcome));
    for (const box of panel.querySelectorAll("input[data-part]")) box.checked = failed.has(box.dataset.part);
    for (const choice of tools.querySelectorAll("select")) choice.value = home;
    undo.setAttribute("aria-disabled", String(!memory.undoable));
    redo.setAttribute("aria-disabled", String(!memory.redoable));
    listFailed();
    const lost = Object.entries(outcome.services).filter(([, there]) => !there).map(([name]) => words(name));
    const what = failed.size === 0 ? "Nothing has failed." : `Failed: ${[...failed].map(titleOf).join(", ")}.`;
    said.textContent = `${what} ${lost.length ? "Down: " + lost.join(", ") + "." : "All services are up."}`;
    whyOf(outcome);
    panel.querySelector(".k2x-state").replaceChildren(nowTable(policy, outcome), ...(outcome.loads.length ? [loadTable(outcome.loads)] : []));
    host.tell?.([...failed], home);
    return problems;
  }

  const toggle = (part) => memory.change({ failed: failed.has(part) ? [...failed].filter((name) => name !== part) : [...failed, part] });
  for (const group of svg.querySelectorAll("[data-part]")) {
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    group.setAttribute("aria-label", titleOf(partOf(group.dataset.part)));
    group.querySelector("title").textContent = `${titleOf(partOf(group.dataset.part))}: click to fail or repair`;
    group.addEventListener("click", () => toggle(partOf(group.dataset.part)));
    group.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(partOf(group.dataset.part)); }
    });
  }
  svg.setAttribute("role", "group");

  const tools = element("p", undefined, "k2x-tools");
  const undo = button("undo", () => memory.undo()), redo = button("redo", () => memory.redo());
  undo.title = "Ctrl+Z";
  redo.title = "Ctrl+Y";
  tools.append(undo, " ", redo, " ", button("repair everything", () => memory.change({ failed: [] })));
  if (Object.keys(data.policies).length > 1) {
    const label = element("label", " roles before "), choice = element("select");
    Object.keys(data.policies).forEach((side) => choice.append(new Option(data.sides.includes(side) ? `at ${side}` : side, side)));
    choice.addEventListener("change", () => memory.change({ roles: choice.value === data.home ? "" : choice.value }));
    label.append(choice);
    tools.append(label);
  }

  const all = element("details", undefined, "k2x-all"), boxes = element("div");
  const whole = data.listed_clients === data.clients;
  all.append(element("summary", `${whole ? "all " : ""}${data.parts.length} parts as a list`), boxes);
  if (!whole) {
    // of more clients one of each group is listed, up to a bound; the others are found by their names
    const label = element("label", `The list has the parts of ${data.listed_clients} of ${data.clients} clients; fail a part of another client by its name: `), field = element("input");
    Object.assign(field, { type: "text", placeholder: spelled(...everyOwn.at(-1)) });
    field.addEventListener("change", () => {
      const name = field.value.trim();
      if (isPart(name)) { toggle(meant.get(name)); field.value = ""; }
      else if (name) problem.textContent = `"${name.slice(0, 60)}" is not a part of ${data.level}.`;
    });
    label.append(field);
    all.append(label);
  }
  for (const part of data.parts) {
    const label = element("label"), box = element("input");
    box.type = "checkbox";
    box.dataset.part = part;
    box.addEventListener("change", () => toggle(part));
    label.append(box, " " + titleOf(part));
    boxes.append(label);
  }

  const files = element("p", undefined, "k2x-files"), chosen = element("input");
  const name = () => [data.level, ...failed].join("_").slice(0, 80);
  const shown = () => `${data.title}, ${data.clients} client${several ? "s" : ""}. ${said.textContent}`;
  Object.assign(chosen, { type: "file", accept: ".json,application/json", hidden: true });
  chosen.setAttribute("aria-label", "file of a state");
  chosen.addEventListener("change", async () => {
    const [file] = chosen.files;
    chosen.value = "";
    if (!file) return;
    let text = "";
    try { text = file.size > 1e6 ? " ".repeat(1e6) : await file.text(); } catch { /* what cannot be read is no JSON */ }
    const { state, problems } = k2relState.take(k2relState.readFile(text), host.offered);
    host.loaded(state, problems);
  });
  const png = async () => {
    try { k2relHand(`${name()}.png`, await k2relPng(svg, shown())); } catch { problem.textContent = "This browser cannot make a PNG of the drawing; use the SVG."; }
  };
  files.append(
    button("save state", () => k2relHand(`${data.level}_state.json`, k2relState.writeFile(host.record()), "application/json")), " ",
    button("load state", () => chosen.click()), chosen, " ",
    button("drawing as SVG", () => k2relHand(`${name()}.svg`, k2relSvg(svg, shown()), "image/svg+xml")), " ",
    button("drawing as PNG", png),
  );

  const why = element("ul", undefined, "k2x-why"), begun = element("section", undefined, "k2x-begun");
  why.setAttribute("aria-live", "polite");
  why.setAttribute("aria-label", "why");
  begun.setAttribute("aria-label", "takeovers, step by step");
  const said = element("p", "", "k2x-said"), list = element("ul", undefined, "k2x-failed"), problem = host.problem ?? k2relProblem();
  said.setAttribute("aria-live", "polite");
  list.setAttribute("aria-label", "failed parts");
  panel.replaceChildren(tools, said, ...(host.problem ? [] : [problem]), list, why, begun, ...(host.ahead ? [host.ahead] : []), element("div", undefined, "k2x-state"), all, files);
  return { show, say: (problems, where) => k2relSay(problem, problems, where) };
}

function k2relProblem() {
  const made = document.createElement("p");
  made.className = "k2x-problem";
  made.setAttribute("role", "alert");
  return made;
}

/** Say what of an address or a file was left out; nothing takes back what was said. */
function k2relSay(place, problems, where) {
  place.textContent = problems.length ? `Left out of the ${where}: ${problems.join("; ")}.` : "";
}

/** Undo and redo by keys, but not where a text is written. */
function k2relKeys(memory, place) {
  place.addEventListener("keydown", (event) => {
    const written = event.target instanceof Element && event.target.closest("input:not([type=checkbox]), textarea, [contenteditable]");
    if (!(event.ctrlKey || event.metaKey) || event.altKey || written) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    event.stopPropagation();
    if (key === "y" || event.shiftKey) memory.redo(); else memory.undo();
  });
}

/** The live drawing of a report; the first of a page has its address. */
function k2relReport(root, data, first) {
  const { level, clients, contract } = data;
  const offered = { level: [level], clients: [String(clients)], contract: [contract], rates: ["as given"], roles: Object.keys(data.policies) };
  let explorer = null;
  const show = (state, how) => {
    const problems = explorer.show(state);
    if (how === "hand") explorer.say([], "address");
    return problems;
  };
  let wrong = [];
  const memory = k2relMemory({ failed: [], roles: "" }, (state, how) => { wrong = show(state, how); });
  const loaded = (state, problems) => {
    wrong = [];
    if (!problems.length || Object.keys(state).length) memory.change({ ...memory.start, ...memory.own(state) });
    explorer.say([...problems, ...wrong], "file");
  };
  explorer = k2relExplorer(root, data, { memory, offered, loaded, record: () => ({ level, clients, contract, ...memory.now }) });
  explorer.show(memory.now);
  k2relKeys(memory, first ? document : root);
  if (first && k2relAddress(memory, offered, (problems, where) => { explorer.say([...problems, ...wrong], where); wrong = []; })) root.scrollIntoView();
  return explorer;
}
