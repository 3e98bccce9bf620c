// Choices above, the explorer of the reports, and the figures that Python computes for the choices.
// `alone`: the page is nobody else's, so that its address and its keys are ours.
function k2relLive(model, el, alone) {
  el.classList.add("k2live");
  const made = (tag, kind) => Object.assign(document.createElement(tag), { className: kind });
  const choices = made("p", "k2live-choices"), said = made("p", "k2live-said"), verdict = made("div", "k2live-verdict"), place = made("div", "k2live-place"), figures = made("div", "k2live-figures k2x-figures");
  const problem = k2relProblem();
  for (const told of [said, verdict]) told.setAttribute("role", "status");
  const field = (name, control) => {
    const label = document.createElement("label");
    label.append(name + " ", control);
    choices.append(label, " ");
    return control;
  };
  const select = (options) => {
    const control = document.createElement("select");
    options.forEach((text) => control.append(new Option(text, text)));
    return control;
  };
  const controls = {
    level: field("level", select(model.get("levels"))),
    clients: field("clients", document.createElement("input")),
    contract: field("repair contract", select(model.get("contracts"))),
    rates: field("failure rates", select(model.get("rates"))),
    target: field("target [%]", document.createElement("input")),
  };
  Object.assign(controls.clients, { type: "number", min: 1, step: 1 });
  Object.assign(controls.target, { type: "text", inputMode: "decimal", size: 8, placeholder: "such as 99.99" });

  const NAMES = Object.keys(controls);
  const chosenOf = (state) => Object.fromEntries(NAMES.map((name) => [name, state[name]]));
  const same = (one, other) => NAMES.every((name) => one[name] === other[name]);
  const offered = { level: model.get("levels"), clients: /^[1-9]\d{0,6}$/, contract: model.get("contracts"), rates: model.get("rates"), target: /^\d{1,3}(\.\d{1,12})?$/, roles: /^/ };
  let explorer = null, number = model.get("asked").number || 0, chosen = chosenOf({ target: "", ...model.get("asked") }), left = [], wrong = [], where = "", waits = false;

  const fill = () => {
    for (const name of NAMES) controls[name].value = memory.now[name];
    controls.clients.value = memory.now.clients || model.get("clients");
  };
  const tell = () => k2relSay(problem, [...left, ...wrong], where);
  const show = () => { waits = false; wrong = explorer ? explorer.show(memory.now) : []; tell(); };
  const ask = (choice) => {
    chosen = choice;
    number += 1;
    said.textContent = "computing …";
    figures.setAttribute("aria-busy", "true");
    model.set("asked", { ...choice, number, sent: performance.now() });
    model.save_changes();
  };
  const memory = k2relMemory({ ...chosen, roles: "", failed: [] }, (state, how) => {
    if (how === "hand") [left, where] = [[], "drawing of this site"];
    const choice = chosenOf(state);
    // another site is drawn anew; what has failed there is shown with its answer
    waits = choice.level !== chosen.level || choice.clients !== chosen.clients;
    if (!waits) show();
    if (!same(choice, chosen)) ask(choice);
    fill();
  });
  const loaded = (state, problems) => {
    if (!problems.length || Object.keys(state).length) memory.change({ ...memory.start, ...state });
    [left, where] = [problems, "file"];
    tell();
  };
  const ahead = k2relAhead(model);
  const host = {
    memory, offered, loaded, problem, ahead: ahead.place,
    record: () => ({ ...memory.now, clients: memory.now.clients || model.get("clients") }),
    tell(failed) {
      const { level, clients, contract, rates, roles } = memory.now;
      ahead.ask({ level, clients: Number(clients), contract, rates, roles, failed });
      if (JSON.stringify(failed) !== JSON.stringify(model.get("failed"))) { model.set("failed", failed); model.save_changes(); }
    },
  };
  const drawn = () => {
    const data = model.get("site");
    place.innerHTML = model.get("drawing");
    const root = place.querySelector(".k2x");
    root.append(figures);
    for (const region of root.querySelectorAll("figure,.k2x-panel,.k2x-figures")) k2relReach.observe(region);
    // too many clients for the script: the drawing stays as it is, which Python has written beside it
    if (data.policies) ahead.drawn(root.querySelector("svg"), data);
    explorer = data.policies ? k2relExplorer(root, data, host) : null;
    show();
  };
  const computed = () => {
    const asked = model.get("asked"), refused = model.get("message").startsWith("not computed");
    figures.innerHTML = model.get("figures");
    verdict.innerHTML = model.get("verdict");
    figures.removeAttribute("aria-busy");
    said.textContent = model.get("message") + (refused ? "; drawing and figures are those of before" : "");
    said.classList.toggle("failed", refused);
    if (asked.sent) el.dataset.milliseconds = String(Math.round(performance.now() - asked.sent));
    el.dataset.number = String(asked.number || 0);
    const choice = chosenOf({ target: "", ...asked });
    if (!same(choice, chosen)) {  // chosen in Python
      chosen = choice;
      memory.change(choice);
    }
    if (waits && !refused) show();
    fill();
  };
  for (const [name, control] of Object.entries(controls)) {
    const choose = () => {
      if (name === "level") memory.change({ level: control.value, clients: 0 });
      else memory.change({ [name]: name === "clients" ? Number(control.value) || 0 : control.value.trim() });
    };
    control.addEventListener("change", choose);
    // JupyterLab lets no change follow on Enter
    control.addEventListener("keydown", (event) => { if (event.key === "Enter" && control.matches("input")) choose(); });
  }
  model.on("change:site", drawn);
  model.on("change:shown", computed);
  drawn();
  computed();
  el.replaceChildren(choices, said, verdict, problem, place);
  k2relKeys(memory, alone ? document : el);
  if (alone) k2relAddress(memory, offered, (problems) => { [left, where] = [problems, "address"]; tell(); });
}
