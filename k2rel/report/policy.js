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
  const spelled = (part, number) => (isOwn(part) ? own(number, part) : part);
  const holds = ([kind, ...args], lost) => kind === "is" ? truth[args[0]] : kind === "own" ? !lost.has(args[0])
    : args.slice(1).filter((part) => holds(part, lost)).length >= args[0];

  /** The routes in use: those usable in the first group that has one, each with its part of the demand. */
  const taken = (choice, copies, lost) => {
    const [, order] = choice.orders.find(([when]) => truth[when]) ?? [null, []];
    const usable = (index) => holds(choice.routes[index].usable, lost);
    const group = order.find((each) => each.some(usable)) ?? [];
    const routes = choice.routes.filter((route, index) => group.includes(index) && !route.dead_end && usable(index));
    const weights = routes.map((route) => route.weight), total = weights.reduce((sum, weight) => sum + weight, 0);
    const shares = weights.map((weight) => copies || routes.length === 1 ? 1 : total > 0 ? weight / total : 1 / routes.length);
    return routes.map((route, n) => ({ route, share: shares[n] })).filter(({ share }) => share > 0);
  };

  /** What load falls on: on what is crossed, and on what that needs, once on each part however often it is needed. */
  const falls = (carries, live, amount) => {
    const crossed = new Map(), needed = new Map();
    const add = (to, from) => from.forEach((load, part) => to.set(part, (to.get(part) ?? 0) + load));
    const most = (from) => from.forEach((load, part) => needed.set(part, Math.max(needed.get(part) ?? 0, load)));
    for (const item of carries) {
      if (typeof item === "string") add(crossed, new Map([[item, amount]]));
      else if (item[0] === "passed") most(both(falls(item.slice(1), live, amount)));
      else {
        // what different branches bring to one part adds up, crossed by one and needed by another
        const [, start, ...branches] = item, on = branches.filter((_, n) => live(start + n));
        const behind = new Map(), through = new Set();
        for (const branch of on) {
          const found = falls(branch, live, amount / on.length);
          found[0].forEach((_, part) => through.add(part));
          add(behind, both(found));
        }
        for (const part of through) {
          add(crossed, new Map([[part, behind.get(part)]]));
          behind.delete(part);
        }
        most(behind);
      }
    }
    return [crossed, needed];
  };
  const both = ([crossed, needed]) => {
    const larger = new Map(crossed);
    needed.forEach((load, part) => larger.set(part, Math.max(larger.get(part) ?? 0, load)));
    return larger;
  };

  const carried = Object.create(null), counted = Object.create(null), ways = [];
  const follow = (name, group, number, lost) => {
    const traffic = data.choices[name], choice = traffic.groups[group];
    const live = (branch) => holds(choice.branches[branch], lost);
    const crossed = [];
    const used = taken(choice, traffic.copies, lost).map(({ route, share }) => {
      const crosses = Object.fromEntries([...both(falls(route.carries, live, share))].map(([part, on]) => [spelled(part, number), on]));
      for (const [part, on] of Object.entries(crosses)) {
        const of = carried[part] ??= {};
        if (traffic.demand > 0) of[traffic.unit] = (of[traffic.unit] ?? 0) + on * traffic.demand;
        if (traffic.counts) counted[part] = (counted[part] ?? 0) + on * traffic.demand;
      }
      crossed.push(Object.keys(crosses));
      const stages = route.stages.map((stage) => typeof stage === "string" ? spelled(stage, number)
        : stage.of.filter((_, n) => live(stage.first + n)).map((branch) => branch.map((part) => spelled(part, number))));
      const path = stages.flatMap((stage, n) => typeof stage === "string" ? [stage] : stage.slice(0, route.stages[n].k).flat());
      return { side: route.side, group: route.group, share, path, stages, carries: crosses };
    });
    // ways that each carry the flow whole
    if (data.full_service.includes(name)) ways.push(traffic.copies || !used.length ? crossed : [crossed.flat()]);
    return used;
  };
  const path = (used) => used[0]?.path ?? [];
  const each = (found, value) => Object.fromEntries(Object.entries(found).map(([name, item]) => [name, value(item)]));
  const ofScope = (scope) => Object.keys(data.choices).filter((name) => data.choices[name].scope === scope);
  const clients = data.clients.map(([client, group], index) => {
    const lost = new Set(Object.keys(data.client_parts).filter((part) => failed.has(own(index + 1, part))));
    const routes = Object.fromEntries(ofScope("client").map((name) => [name, follow(name, group, index + 1, lost)]));
    return { client, sides: each(routes, (used) => used[0]?.side ?? null), paths: each(routes, path), routes };
  });
  const flowRoutes = Object.fromEntries(ofScope("site").map((name) => [name, follow(name, 0, 0, new Set())]));
  // any name may be a key, also one that plain objects have of their own
  const services = Object.create(null);
  for (const name of Object.keys(data.choices)) {
    services[name] = Object.hasOwn(flowRoutes, name) ? flowRoutes[name].length > 0 : clients.every((state) => state.routes[name].length > 0);
  }
  const roles = Object.create(null), holders = Object.create(null);
  for (const [name, role] of Object.entries(data.roles)) {
    if (role.service) services[name] = truth[role.up];
    roles[name] = data.sides.find((side) => truth[role.at[side]]) ?? null;
    const holder = Object.keys(role.named).find((each) => truth[role.named[each].when]);
    if (holder !== undefined) holders[name] = holder;
  }
  const above = (load, capacity) => load > capacity * (1 + 1e-9);
  const short = new Set(data.capacity.filter(([name, capacity]) => above(counted[name] ?? 0, capacity)).map(([name]) => name));
  const spared = (flow) => flow.some((parts) => !parts.some((part) => short.has(part)));
  const ends = new Set(ways.filter((flow) => !spared(flow)).flat(2).filter((part) => short.has(part)));
  const units = new Map(data.units);
  const loads = data.capacity.map(([element, capacity]) => {
    const load = Object.values(carried[element] ?? {}).reduce((sum, each) => sum + each, 0), overloaded = above(load, capacity);
    const foreground = counted[element] ?? 0, unit = units.get(element);
    const said = unit === undefined ? { load_mb_s: load, capacity_mb_s: capacity, foreground_mb_s: foreground } : { load, capacity, foreground, unit };
    return { element, ...said, overloaded,
      at_limit: !overloaded && load * (1 + 1e-9) > capacity, short: short.has(element), ends_full_service: ends.has(element) };
  });
  services.full_service = ways.every(spared);
  const first = data.first_role;
  let primary = first === null ? data.home : roles[first];
  if (first !== null && data.roles[first].service && !truth[data.roles[first].up]) primary = null;
  const sum = (loads) => Object.values(loads).reduce((total, each) => total + each, 0);
  const outcome = {
    level: data.level, failed: [...failed], home: data.home, primary, roles, holders,
    out_of_service: data.shut.filter(([, gate]) => truth[gate]).map(([name]) => name),
    returns_by_itself: data.shut.filter(([name, gate]) => data.returns.includes(name) && truth[gate]).map(([name]) => name),
    backup_in_service: data.backup !== null && truth[data.backup],
    standby: Object.fromEntries(Object.entries(data.standby).map(([role, gate]) => [role, truth[gate]])),
    ...k2relTakeovers(data, truth), wanting: k2relWanting(data, truth),
    clients, flows: each(flowRoutes, path), flow_routes: flowRoutes, services, loads,
    carried: Object.fromEntries(Object.entries(carried).filter(([, loads]) => Object.keys(loads).length < 2).map(([part, loads]) => [part, sum(loads)])),
  };
  Object.defineProperty(outcome, "carried_by_unit", { value: carried });  // for the drawing; loads of two units never add up
  return outcome;
}

/** What each drawn part looks like; the same as k2rel.plots.looks(). */
function k2relLooks(data, marks, outcome) {
  const bare = () => Object.create(null);
  const ways = bare(), further = new Set(), shown = bare(), said = bare();
  const without = Object.fromEntries(Object.keys(marks.boxes).map((box) => [box, 0]));
  const principal = data.principal, failed = new Set(outcome.failed), copies = data.choices[principal].copies;
  const loaded = (name, carries) => (data.choices[name].demand > 0 ? Object.keys(carries) : []);
  const short = (value) => Number(value.toPrecision(3));
  const share = (on, twice) => on <= 0 ? "" : on < 1 - 1e-9 ? `${short(100 * on)} %`
    : on > 1 + 1e-9 ? `${short(on)} copies` : twice ? "copy" : "";
  const boxOf = (number) => marks.shown[marks.clients[number - 1]].client;
  const where = (part) => marks.home[part] ?? boxOf(Number(/^client_(\d+)/.exec(part)?.[1] ?? marks.clients.length));
  outcome.clients.forEach((state, index) => {
    const own = marks.shown[marks.clients[index]], portions = bare();
    for (const [part, mark] of Object.entries(own)) shown[part === "client" ? state.client : data.client_parts[part].replace("#", index + 1)] = mark;
    const mark = (part) => shown[part] || part;
    const used = state.routes[principal] ?? [];
    for (const { side, stages, carries } of used) {
      for (const part of [state.client, ...stages.flat(2), ...loaded(principal, carries)]) {
        (ways[mark(part)] ||= new Set()).add(data.sides.indexOf(side));
      }
      for (const [part, on] of Object.entries(carries)) portions[part] = (portions[part] ?? 0) + on;
    }
    if (principal in state.routes && !used.length) without[own.client] += 1;
    if (!marks.several && index > 0) return;
    for (const [part, on] of Object.entries(portions)) (said[mark(part)] ||= new Set()).add(share(on, copies && used.length > 1));
    data.further.forEach((name) => state.routes[name].forEach(({ stages, carries }) =>
      [...stages.flat(2), ...loaded(name, carries)].forEach((part) => further.add(mark(part)))));
  });
  const carried = bare();
  for (const [part, loads] of Object.entries(outcome.carried_by_unit)) {
    const on = carried[shown[part] || part] ??= {};
    for (const [unit, load] of Object.entries(loads)) on[unit] = (on[unit] || 0) + load;
  }
  const figures = (loads) => Object.entries(loads ?? {}).filter(([, load]) => load > 0).map(([unit, load]) =>
    String(Number((load * (1 + 1e-12)).toPrecision(4))) + (unit === data.unit ? "" : ` ${unit}`)).join(", ");
  const over = new Set(outcome.loads.filter((item) => item.short).map((item) => item.element));
  const slowed = new Set(outcome.loads.filter((item) => item.overloaded && !item.short).map((item) => item.element));
  const full = new Set(outcome.loads.filter((item) => item.at_limit).map((item) => item.element));
  const notes = bare(), held = bare(), alone = new Set(marks.drawn.filter((part) => !marks.crowds.includes(part)));
  const say = (owner, text, to = notes) => (to[owner] ||= []).push(text);
  for (const [who, count] of Object.entries(without)) {
    if (count) say(who, count === marks.boxes[who] ? "no " + principal : `${count} without ${principal}`);
  }
  outcome.out_of_service.forEach((part) => say(marks.home[part], "out of service"));
  for (const [part, causes] of Object.entries(outcome.wanting)) {
    if (marks.home[part] === part && !outcome.out_of_service.includes(part)) say(part, `down, no ${causes.map((name) => name.replaceAll("_", " ")).join(" and ")}`);
  }
  for (const part of outcome.suspended) {
    const box = where(part);
    say(box, box === part ? "suspended" : `${part.replaceAll("_", " ")} suspended`);
  }
  for (const part of outcome.failed) {
    if (!alone.has(part)) say(where(part), part.replaceAll("_", " "));
  }
  for (const [role, name] of Object.entries(outcome.holders)) {
    const { on, words } = data.roles[role].named[name];
    if (on !== null && !Object.hasOwn(outcome.split, role)) say(marks.home[on], `${role.replaceAll("_", " ")} ${words}`, held);
  }
  for (const [role, former, other, servers] of data.split) {
    const both = outcome.split[role];
    if (both && both[0] === former && both[1] === other) servers.forEach((on) => say(marks.home[on], `${role.replaceAll("_", " ")} at both`));
  }
  return Object.fromEntries(marks.drawn.map((part) => {
    const found = [...(ways[part] || [])].sort((a, b) => a - b);
    return [part, {
      way: found.length < 2 ? found.join("") : data.sides.length === 2 ? "both" : found.length === 2 ? found.join(" ") : "several",
      further: further.has(part), failed: failed.has(part) && alone.has(part), out: outcome.out_of_service.includes(part) || outcome.suspended.includes(part) || Object.hasOwn(outcome.wanting, part),
      over: over.has(part), slowed: slowed.has(part), full: full.has(part),
      load: figures(carried[part]),
      share: said[part]?.size === 1 ? [...said[part]][0] : "",
      held: (held[part] || []).join(", "),
      note: (notes[part] || []).join(", "),
    }];
  }));
}
