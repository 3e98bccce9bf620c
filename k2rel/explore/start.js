// Of the page alone: the choices and the states that are shown go to the server, and its answers come back.
const state = JSON.parse(document.querySelector("script[type='application/json']").textContent), listeners = {};
const told = (name) => (listeners[`change:${name}`] || []).forEach((call) => call());
const from = async (place, question) => {
  try {
    const reply = await fetch(place, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) });
    return reply.ok ? await reply.json() : { refused: await reply.text() };
  } catch { return { refused: "" }; }
};
const model = {
  get: (name) => state[name], set: (name, value) => { state[name] = value; },
  on: (event, call) => { (listeners[event] ||= []).push(call); },
  save_changes() { model.ask(); model.look(); },
  async ask() {
    const asked = state.asked;
    if (asked === model.sent) return;
    model.sent = asked;
    let found = await from("ask", asked);
    if ("refused" in found) found = { message: found.refused ? "not computed: " + found.refused : "no answer: is k2rel explore still running?" };
    if (asked !== state.asked) return;
    const redraw = found.site && JSON.stringify(found.site) !== JSON.stringify(state.site);
    Object.assign(state, found);
    if (redraw) told("site");
    told("shown");
  },
  async look() {
    const { present } = state;
    if (!present || present === model.looked) return;
    model.looked = present;
    const found = await from("present", present);
    const none = { ahead: "<p class='more'>The next hours are not shown: no answer.</p>", critical: [], looked: present.number };
    Object.assign(state, "refused" in found ? none : found);
    told("looked");
  },
};
model.sent = state.asked;
k2relLive(model, document.querySelector("main"), true);
