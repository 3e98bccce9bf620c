// What the rules say of takeovers (k2rel.policy.reasons, k2rel.policy.begun): sentences, and the steps of a takeover drawn.

/** Sentences and takeovers of one state; `truth` are the values of the gates. */
function k2relTakeovers(data, truth) {
  const listed = ([before, one, many, items]) => {
    let found = [...new Set(items.filter(([gate]) => truth[gate]).map(([, text]) => said(text)))];
    if (!found.length) return "";
    if (found.length > data.most_listed) found = [...found.slice(0, data.most_listed - 1), `${found.length - data.most_listed + 1} more`];
    return before + (found.length > 1 ? `${found.slice(0, -1).join(", ")} and ` : "") + found.at(-1) + (found.length > 1 ? many : one);
  };
  const said = (text) => text.map((piece) => (typeof piece === "string" ? piece : listed(piece))).join("");
  const least = (values) => values.filter(([gate]) => truth[gate]).reduce((found, [, ...value]) => (found && found[0] <= value[0] ? found : value), null);
  return {
    reasons: [...new Set(data.reasons.filter(([gate]) => truth[gate]).map(([, text]) => said(text)))],
    suspended: data.suspended.filter(([, gate]) => truth[gate]).map(([part]) => part),
    split: Object.fromEntries(data.split.filter(([, , , , gate]) => truth[gate]).map(([role, former, other]) => [role, [former, other]])),
    takeovers: data.takeovers.filter((each) => truth[each.when]).map(({ role, from, to, both, steps }) => ({
      role, from, to, both: truth[both],
      steps: steps.filter((step) => truth[step.when]).map(({ title, hours, probability, after_failure, until }) => {
        const lasts = least(hours);
        return { step: title, hours: lasts ? lasts[0] : null, lasts: lasts ? lasts[1] : until, probability: least(probability)?.[0] ?? null, after_failure };
      }),
    })),
  };
}

/** Parts that are down for lack of others, each with the failed parts behind that (k2rel.policy.wanting). */
function k2relWanting(data, truth) {
  const lacks = new Map(data.wants.filter(([, when]) => truth[when]).map(([name, , found]) => [name, found]));
  const behind = (name) => lacks.has(name) ? lacks.get(name).filter(([, node]) => truth[node]).flatMap(([lacked]) => behind(lacked)) : [name];
  return Object.fromEntries([...lacks.keys()].map((name) => [name, [...new Set(behind(name))]]));
}

/** Takeovers from left to right, what follows a failure beneath; those with the same steps are drawn once. */
function k2relSteps(takeovers) {
  const made = (tag, kind, text) => Object.assign(document.createElement(tag), { className: kind, textContent: text ?? "" });
  const words = (name) => name.replaceAll("_", " ");
  const row = (kind, label, some, end) => {
    const list = made("ol", kind);
    list.setAttribute("aria-label", label);
    for (const { step, lasts, probability } of some) {
      const item = made("li", "");
      item.append(made("span", "", words(step)), made("span", "k2x-lasts", lasts));
      if (probability !== null) item.append(made("span", "k2x-odds", `${step === "data restored" ? "needed" : "succeeds"} in ${Number((100 * probability).toPrecision(4))} %`));
      list.append(item);
    }
    if (end) list.append(made("li", "k2x-end", end));
    return list;
  };
  const alike = new Map();
  for (const each of takeovers) {
    const key = JSON.stringify(each.steps);
    alike.set(key, [...(alike.get(key) ?? []), each]);
  }
  return [...alike.values()].map((some) => {
    const { steps, both } = some[0], figure = made("div", "k2x-takeover"), after = steps.filter((step) => step.after_failure);
    const title = some.map(({ role, from, to }) => `${words(role)}: ${words(from)} → ${words(to)}`).join(", ");
    const end = both ? "" : `at ${[...new Set(some.map(({ to }) => words(to)))].join(" and ")}`;
    figure.append(made("h4", "", title), row("", title, steps.filter((step) => !step.after_failure), end));
    if (after.length) figure.append(made("p", "k2x-else", "if that fails"), row("k2x-later", "if that fails", after, ""));
    return figure;
  });
}
