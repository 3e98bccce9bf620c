// Choices above, the explorer of the reports, and the figures that Python computes for the choices.
function k2relLive(model, el) {
  el.classList.add("k2live");
  const choices = document.createElement("p"), place = document.createElement("div"), figures = document.createElement("div");
  const said = document.createElement("p");
  said.className = "k2live-said";
  said.setAttribute("role", "status");
  figures.className = "k2live-figures";
  let explorer = null;
  const field = (name, control) => {
    const label = document.createElement("label");
    label.append(name + " ", control);
    choices.append(label, " ");
    return control;
  };
  const select = (options, value) => {
    const made = document.createElement("select");
    options.forEach((text) => made.append(new Option(text, text, text === value, text === value)));
    return made;
  };
  const asked = model.get("asked");
  const level = field("level", select(model.get("levels"), asked.level));
  const clients = field("clients", document.createElement("input"));
  const contract = field("repair contract", select(model.get("contracts"), asked.contract));
  const rates = field("failure rates", select(model.get("rates"), asked.rates));
  Object.assign(clients, { type: "number", min: 1, max: 500, value: asked.clients });
  let number = 0;
  const ask = (event) => {
    number += 1;
    const count = event && event.target === level ? 0 : Number(clients.value);
    model.set("asked", { level: level.value, clients: count, contract: contract.value, rates: rates.value, number, sent: performance.now() });
    model.save_changes();
  };
  for (const control of [level, clients, contract, rates]) control.addEventListener("change", ask);
  const drawn = () => {
    place.innerHTML = model.get("drawing");
    const root = place.querySelector(".k2x");
    explorer = k2relExplorer(root, model.get("site"), (failed) => {
      if (JSON.stringify(failed) !== JSON.stringify(model.get("failed"))) { model.set("failed", failed); model.save_changes(); }
    });
    clients.value = model.get("clients");
  };
  const computed = () => {
    figures.innerHTML = model.get("figures");
    said.textContent = model.get("message");
    const { sent } = model.get("asked");
    if (sent) el.dataset.milliseconds = String(Math.round(performance.now() - sent));
    el.dataset.number = String(model.get("asked").number || 0);
  };
  model.on("change:site", drawn);
  model.on("change:shown", computed);
  drawn();
  computed();
  el.replaceChildren(choices, said, place, figures);
}
