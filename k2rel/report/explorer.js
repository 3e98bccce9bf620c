// Follows the compiled policy (k2rel.policy.compiled): no failover rule stands here, only how to read the data.
"use strict";

/** Ways, roles, services and loads when some parts have failed together; the same as k2rel.failover().to_json(). */
function k2relEvaluate(data, failedNames) {
  const failed = new Set(failedNames);
  const raid = new Map(Object.entries(data.raid).map(([name, set]) =>
    [name, set.drives.filter((drive) => failed.has(drive)).length <= set.tolerance]));
  const truth = [];
  for (const [kind, ...args] of data.gates) {
    const holds = (n) => truth[n];
    truth.push(
      kind === "variable" ? (raid.has(args[0]) ? raid.get(args[0]) : !failed.has(args[0]))
        : kind === "true" ? true
        : kind === "false" ? false
        : kind === "not" ? !truth[args[0]]
        : kind === "and" ? args.every(holds)
        : kind === "or" ? args.some(holds)
        : kind === "at_least" ? args.slice(1).filter(holds).length >= args[0]
        : kind === "xor" ? args.filter(holds).length % 2 === 1
        : truth[truth[args[0]] ? args[1] : args[2]]);
  }
  const own = (number, part) => data.client_parts[part].replace("#", number);
  const isOwn = (part) => Object.hasOwn(data.client_parts, part);
  const carried = {}, counted = {};
  const carriesClients = new Set();
  // the first usable route in the order that holds
  const taken = (group, lost) => {
    const order = group.orders.find(([when]) => truth[when])[1];
    for (const index of order) {
      const route = group.routes[index];
      if (truth[route.usable] && !route.own.some((part) => lost.has(part))) return route.dead_end ? null : route;
    }
    return null;
  };
  const walk = (route, name, traffic, number) => {
    if (route === null) return [];
    const path = [];
    for (const stage of route.stages) {
      const live = typeof stage === "string"
        ? [isOwn(stage) ? own(number, stage) : stage]
        : stage.of.filter((member) => truth[data.serving[member]]);
      for (const member of live) {
        carried[member] = (carried[member] || 0) + traffic.demand / live.length;
        if (!data.counts.includes(name)) continue;
        counted[member] = (counted[member] || 0) + traffic.demand / live.length;
        if (traffic.scope === "client") carriesClients.add(member);
      }
      path.push(...(typeof stage === "string" ? live : live.slice(0, stage.k)));
    }
    return path;
  };
  const classes = Object.entries(data.choices);
  const clients = data.clients.map(([client, group], index) => {
    const lost = new Set(Object.keys(data.client_parts).filter((part) => failed.has(own(index + 1, part))));
    const sides = {}, paths = {};
    for (const [name, traffic] of classes) {
      if (traffic.scope !== "client") continue;
      const route = taken(traffic.groups[group], lost);
      sides[name] = route === null ? null : route.side;
      paths[name] = walk(route, name, traffic, index + 1);
    }
    return { client, sides, paths };
  });
  const services = {}, flows = {};
  for (const [name, traffic] of classes) {
    if (traffic.scope === "client") {
      services[name] = clients.every((state) => state.sides[name] !== null);
    } else {
      const route = taken(traffic.groups[0], new Set());
      flows[name] = walk(route, name, traffic, 0);
      services[name] = route !== null;
    }
  }
  const roles = {};
  for (const [name, role] of Object.entries(data.roles)) {
    if (role.service) services[name] = truth[role.up];
    roles[name] = data.sides.find((side) => truth[role.at[side]]) ?? null;
  }
  const loads = Object.entries(data.capacity).map(([element, capacity]) => {
    const load = carried[element] || 0;
    return { element, load_mb_s: load, capacity_mb_s: capacity, overloaded: load > capacity * (1 + 1e-9) };
  });
  services.full_service = services[data.principal] &&
    !loads.some((item) => (counted[item.element] || 0) > item.capacity_mb_s * (1 + 1e-9) && carriesClients.has(item.element));
  const first = Object.keys(data.roles)[0];
  let primary = first === undefined ? data.home : roles[first];
  if (first !== undefined && data.roles[first].service && !truth[data.roles[first].up]) primary = null;
  return {
    level: data.level, failed: [...failed], home: data.home, primary, roles,
    out_of_service: Object.keys(data.shut).filter((name) => truth[data.shut[name]]),
    returns_by_itself: data.returns.filter((name) => truth[data.shut[name]]),
    backup_in_service: data.backup !== null && truth[data.backup],
    standby: Object.fromEntries(Object.entries(data.standby).map(([role, gate]) => [role, truth[gate]])),
    clients, flows, services, loads, carried,
  };
}

/** What each drawn part looks like; the same as k2rel.plots.looks(). */
function k2relLooks(data, marks, outcome) {
  const ways = {}, further = new Set(), shown = {}, without = { client_1: 0, clients: 0 };
  const principal = data.principal, failed = new Set(outcome.failed);
  outcome.clients.forEach((state, index) => {
    for (const [part, pattern] of Object.entries(data.client_parts)) {
      const name = pattern.replace("#", index + 1);
      shown[name] = index === 0 ? name : "clients_" + part;
    }
    shown[state.client] = index === 0 ? "client_1" : "clients";
    const side = state.sides[principal];
    if (side !== null && side !== undefined) {
      for (const part of [state.client, ...state.paths[principal]]) {
        (ways[shown[part] || part] ||= new Set()).add(String(data.sides.indexOf(side)));
      }
    }
    if (side === null) without[shown[state.client]] += 1;
    if (index === 0) data.further.forEach((name) => state.paths[name].forEach((part) => further.add(part)));
  });
  const carried = {};
  for (const [part, load] of Object.entries(outcome.carried)) {
    const name = shown[part] || part;
    carried[name] = (carried[name] || 0) + load;
  }
  const over = new Set(outcome.loads.filter((item) => item.overloaded).map((item) => item.element));
  // all that it carries, forgiving the rounding of sums; the same as ElementLoad.at_limit
  const atLimit = (item) => !item.overloaded && item.load_mb_s * (1 + 1e-9) > item.capacity_mb_s;
  const full = new Set(outcome.loads.filter(atLimit).map((item) => item.element));
  const notes = {};
  const say = (owner, text) => (notes[owner] ||= []).push(text);
  for (const [who, count] of Object.entries(without)) {
    if (count) say(who, who === "client_1" || count === data.clients.length - 1 ? "no " + principal : `${count} without ${principal}`);
  }
  outcome.out_of_service.forEach((part) => say(marks.home[part], "out of service"));
  for (const part of outcome.failed) {
    if (!marks.drawn.includes(part)) say(marks.home[part] ?? marks.others, part.replaceAll("_", " "));
  }
  return Object.fromEntries(marks.drawn.map((part) => {
    const found = [...(ways[part] || [])];
    return [part, {
      way: found.length > 1 ? "both" : found[0] || "",
      further: further.has(part), failed: failed.has(part), out: outcome.out_of_service.includes(part), over: over.has(part),
      full: full.has(part),
      load: carried[part] > 0 ? String(Number(carried[part].toPrecision(4))) : "",
      note: (notes[part] || []).join(", "),
    }];
  }));
}

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

/** Make one drawing live. `tell`, where given, hears of every change. */
function k2relExplorer(root, data, tell) {
  const svg = root.querySelector("svg"), panel = root.querySelector(".k2x-panel");
  const marks = data.marks;
  let failed = new Set(), home = data.home;
  const element = (tag, text, kind) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const words = (name) => name.replaceAll("_", " ");
  // a mark of the group stands for client 2
  const partOf = (mark) => mark === "clients" ? "client_2"
    : mark.startsWith("clients_") ? data.policies[home].client_parts[mark.slice(8)].replace("#", 2) : mark;

  function table(heads, rows) {
    const made = element("table"), top = made.createTHead().insertRow();
    heads.forEach((head) => top.append(element("th", head)));
    const body = made.createTBody();
    rows.forEach((cells) => {
      const row = body.insertRow();
      cells.forEach((cell) => { const td = row.insertCell(); if (cell instanceof Node) td.append(cell); else td.textContent = cell; });
    });
    return made;
  }

  function show() {
    const policy = data.policies[home], outcome = k2relEvaluate(policy, [...failed]);
    const looks = k2relLooks(policy, marks, outcome);
    for (const group of svg.querySelectorAll("[data-part]")) {
      const look = looks[group.dataset.part];
      if (look.way) group.dataset.way = look.way; else delete group.dataset.way;
      for (const key of ["further", "failed", "out", "over", "full"]) if (look[key]) group.dataset[key] = ""; else delete group.dataset[key];
      const load = group.querySelector(".load");
      if (load) load.textContent = look.load;
      k2relNote(group.querySelector(".note"), look.note);
      group.setAttribute("aria-pressed", String(failed.has(partOf(group.dataset.part))));
    }
    for (const box of panel.querySelectorAll("input[data-part]")) box.checked = failed.has(box.dataset.part);
    const lost = Object.entries(outcome.services).filter(([, there]) => !there).map(([name]) => words(name));
    const said = failed.size === 0 ? "Nothing has failed." : `Failed: ${[...failed].map(words).join(", ")}.`;
    panel.querySelector(".k2x-said").textContent = `${said} ${lost.length ? "Lost: " + lost.join(", ") + "." : "Every service is there."}`;
    const state = panel.querySelector(".k2x-state");
    const mark = (text, bad) => element("span", text, bad ? "failed" : "");
    const counts = [...data.sides, null].map((side) => outcome.clients.filter((c) => c.sides[policy.principal] === side).length);
    const rows = [
      ...Object.entries(outcome.services).map(([name, there]) => [words(name), mark(there ? "there" : "LOST", !there)]),
      ...Object.entries(outcome.roles).map(([name, side]) => [`role ${words(name)}`, side === null ? mark("nobody", true) : `at ${side}`]),
      ["out of service", outcome.out_of_service.map(words).join(", ") || "none"],
      ...Object.entries(outcome.standby).map(([name, there]) => [`backup for ${words(name)}`, mark(there ? "stands by" : "NONE", !there)]),
      [`clients' ${words(policy.principal)}`, data.sides.map((side, n) => `${counts[n]} on ${side}`).join(", ") + `, ${counts.at(-1)} cut off`],
    ];
    const own = new Set(Object.values(policy.client_parts).map((pattern) => pattern.replace("#", 1)));
    for (const name of policy.further) {
      const path = outcome.clients[0].paths[name].filter((part) => !own.has(part));
      rows.push([`${words(name)} of client 1`, path.map(words).join(" → ") || mark("lost", true)]);
    }
    const bars = outcome.loads.map((item) => {
      const bar = element("meter");
      bar.max = item.capacity_mb_s; bar.high = item.capacity_mb_s; bar.value = Math.min(item.load_mb_s, item.capacity_mb_s);
      bar.setAttribute("aria-label", `${words(item.element)} ${item.load_mb_s.toFixed(1)} of ${item.capacity_mb_s} MB/s`);
      return [words(item.element), mark(item.load_mb_s.toFixed(1), item.overloaded), item.capacity_mb_s.toFixed(0), item.overloaded ? mark("OVERLOADED", true) : bar];
    });
    state.replaceChildren(table(["", "now"], rows), table(["element", "load [MB/s]", "capacity", ""], bars));
    if (tell) tell([...failed], home);
  }

  const toggle = (part) => { if (failed.has(part)) failed.delete(part); else failed.add(part); show(); };
  for (const group of svg.querySelectorAll("[data-part]")) {
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", "0");
    group.setAttribute("aria-label", words(partOf(group.dataset.part)));
    group.querySelector("title").textContent = `${words(partOf(group.dataset.part))}: click to fail or repair`;
    group.addEventListener("click", () => toggle(partOf(group.dataset.part)));
    group.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(partOf(group.dataset.part)); }
    });
  }
  svg.setAttribute("role", "group");
  const tools = element("p", undefined, "k2x-tools");
  const repair = element("button", "repair everything");
  repair.type = "button";
  repair.addEventListener("click", () => { failed = new Set(); show(); });
  tools.append(repair);
  if (Object.keys(data.policies).length > 1) {
    const label = element("label", " roles before at "), choice = element("select");
    Object.keys(data.policies).forEach((side) => choice.append(new Option(side, side, side === home, side === home)));
    choice.addEventListener("change", () => { home = choice.value; show(); });
    label.append(choice);
    tools.append(label);
  }
  const all = element("details", undefined, "k2x-all"), list = element("div");
  all.append(element("summary", `all ${data.parts.length} parts as a list`), list);
  for (const part of data.parts) {
    const label = element("label"), box = element("input");
    box.type = "checkbox";
    box.dataset.part = part;
    box.addEventListener("change", () => toggle(part));
    label.append(box, " " + words(part));
    list.append(label);
  }
  const said = element("p", "", "k2x-said");
  said.setAttribute("aria-live", "polite");
  panel.replaceChildren(tools, said, element("div", undefined, "k2x-state"), all);
  show();
  return { fail(parts) { failed = new Set(parts); show(); }, get failed() { return [...failed]; } };
}
