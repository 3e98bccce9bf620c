// Follows the compiled policy (k2rel.policy.compiled): no failover rule stands here, only how to read the data.
"use strict";

/** Ways, roles, services and loads when some parts have failed together; the same as k2rel.failover() says. */
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
    const overloaded = load > capacity * (1 + 1e-9);
    return { element, load_mb_s: load, capacity_mb_s: capacity, overloaded, at_limit: !overloaded && load * (1 + 1e-9) > capacity };
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
  const full = new Set(outcome.loads.filter((item) => item.at_limit).map((item) => item.element));
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
