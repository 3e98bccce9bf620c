// What an explorer shows is one state, a plain record. How it is written into an address and into a file, and what of an
// address or a file can be taken, stands here alone: for the page, the widget and the reports.

const k2relState = (() => {
  // as they stand in an address; `roles` is the side that had the roles before, empty for the usual one
  const FIELDS = ["level", "clients", "contract", "rates", "target", "roles", "failed"];
  const MOST_BYTES = 100000;
  const some = (names) => names.slice(0, 8).join(", ") + (names.length > 8 ? ` and ${names.length - 8} more` : "");
  const quoted = (text) => `"${String(text).slice(0, 60)}"`;

  /** The text of a state: what is empty is left out, but never everything. */
  function write(state) {
    const value = (name) => (name === "failed" ? state.failed.map(encodeURIComponent).join(",") : encodeURIComponent(state[name] ?? "").replaceAll("%20", "+"));
    const said = FIELDS.filter((name) => state[name] && state[name].length !== 0).map((name) => `${name}=${value(name)}`);
    return said.join("&") || "failed=";
  }

  /** What a text names, still as texts (`failed` as a list), and what of it cannot be read. */
  function read(text) {
    const given = {}, problems = [];
    if (text && !text.includes("=")) return { given, problems: [`there is no entry ${quoted(text)}`] };
    // commas between names are written as such, and those of a name are not
    const decoded = (value) => new URLSearchParams(`name=${value}`).get("name");
    for (const [name, value] of text.split("&").filter(Boolean).map((each) => each.split(/=(.*)/s)).map(([name, value]) => [decoded(name), value ?? ""])) {
      if (name !== "failed" && Object.hasOwn(given, name)) problems.push(`${name} is named twice`);
      given[name] = name === "failed" ? [...(given.failed ?? []), ...value.split(",").map(decoded)] : decoded(value);
    }
    return { given, problems };
  }

  /** A file's text, the same. */
  function readFile(text) {
    const none = (problem) => ({ given: {}, problems: [problem] });
    if (text.length > MOST_BYTES) return none("it is too long for a state of the explorer");
    let found;
    try { found = JSON.parse(text); } catch { return none("it is not JSON"); }
    if (found === null || typeof found !== "object" || found.k2rel !== "explorer") return none('it is not a state of the explorer, which has "k2rel": "explorer"');
    const given = {}, problems = [];
    for (const [name, value] of Object.entries(found)) {
      if (name === "k2rel") continue;
      const fits = name === "failed" ? Array.isArray(value) && value.every((part) => typeof part === "string") : ["string", "number"].includes(typeof value);
      if (fits) given[name] = name === "failed" ? value : String(value);
      else problems.push(`${name} is not a ${name === "failed" ? "list of names" : "text or number"}`);
    }
    return { given, problems };
  }

  const writeFile = (state) => JSON.stringify({ k2rel: "explorer", ...state }, null, 1) + "\n";

  /** What can be taken of what was read: `offered` has for each field the texts that can be, or how else it looks. */
  function take({ given, problems }, offered) {
    const state = {}, said = [...problems];
    for (const [name, text] of Object.entries(given)) {
      const can = Object.hasOwn(offered, name) ? offered[name] : undefined;
      if (name === "failed") state.failed = [...new Set(text.filter(Boolean))];
      else if (text === "") continue;
      else if (can === undefined) said.push(FIELDS.includes(name) ? `${name} ${quoted(text)} cannot be chosen here` : `${quoted(name)} is not part of a state`);
      else if (Array.isArray(can) ? !can.includes(text) : !can.test(text)) said.push(`${name} ${quoted(text)} ${Array.isArray(can) ? `is not available (${some(can)})` : "is out of range"}`);
      else state[name] = name === "clients" ? Number(text) : text;
    }
    return { state, problems: said };
  }

  return { write, read, readFile, writeFile, take, some };
})();

/** The states that were, the one that is and those that were undone; `follow` hears of each change. */
function k2relMemory(start, follow) {
  let now = start, past = [], future = [];
  const listeners = [follow];
  const same = (one, other) => k2relState.write(one) === k2relState.write(other);
  const go = (state, how) => { now = state; listeners.forEach((call) => call(now, how)); };
  const memory = {
    get now() { return now; },
    get start() { return start; },
    get undoable() { return past.length; },
    get redoable() { return future.length; },
    /** Of a state the fields that can change here. */
    own: (state) => Object.fromEntries(Object.entries(state).filter(([name]) => name in start)),
    /** Some fields change; `how` says by what: a "hand", or an "address", which need not be told. */
    change(fields, how = "hand") {
      const next = { ...now, ...fields };
      if (same(next, now)) return;
      past = [...past.slice(-199), now];
      future = [];
      go(next, how);
    },
    /** What could not be shown is left out, as if it had never been asked for. */
    correct(fields) {
      now = { ...now, ...fields };
      if (past.length && same(now, past.at(-1))) past.pop();
    },
    undo() { if (past.length) { future.push(now); go(past.pop(), "hand"); } },
    redo() { if (future.length) { past.push(now); go(future.pop(), "hand"); } },
    hear(call) { listeners.push(call); },
  };
  return memory;
}

/** Keep the state in the part of the address after "#"; `say` is told what of it cannot be taken. */
function k2relAddress(memory, offered, say) {
  const fragment = () => location.hash.slice(1);
  const plain = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
  // an anchor of the page is not a state: the list of contents goes on working
  const anchor = (text) => text !== "" && document.getElementById(plain(text)) !== null;
  const turn = (text) => {
    const { state, problems } = k2relState.take(k2relState.read(text), offered);
    memory.change({ ...memory.start, ...memory.own(state) }, "address");
    say(problems, "address");
  };
  memory.hear((state, how) => {
    if (how === "address") return;
    const text = k2relState.write(state);
    // a browser that takes no more entries at the moment goes without
    try { history.pushState({ k2rel: text }, "", "#" + text); } catch { /* the drawing follows all the same */ }
  });
  addEventListener("popstate", (event) => {
    const kept = event.state?.k2rel;
    if (typeof kept === "string") turn(kept);
    else if (!anchor(fragment())) turn(fragment());
    else history.replaceState({ k2rel: k2relState.write(memory.now) }, "");
  });
  const first = fragment();
  if (first === "" || anchor(first)) return false;
  turn(first);
  return true;
}
