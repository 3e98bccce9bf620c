// Of the page alone: the choices go to the server, and its answer comes back.
const state = JSON.parse(document.querySelector("script[type='application/json']").textContent), listeners = {};
const model = {
  get: (name) => state[name], set: (name, value) => { state[name] = value; },
  on: (event, call) => { (listeners[event] ||= []).push(call); },
  async save_changes() {
    const asked = state.asked;
    if (asked === model.sent) return;
    model.sent = asked;
    let found;
    try {
      const reply = await fetch("ask", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) });
      found = reply.ok ? await reply.json() : { message: "not computed: " + await reply.text() };
    } catch { found = { message: "no answer: is k2rel explore still running?" }; }
    if (asked !== state.asked) return;
    const redraw = found.site && JSON.stringify(found.site) !== JSON.stringify(state.site);
    Object.assign(state, found);
    if (redraw) (listeners["change:site"] || []).forEach((call) => call());
    (listeners["change:shown"] || []).forEach((call) => call());
  },
};
model.sent = state.asked;
k2relLive(model, document.querySelector("main"), true);
