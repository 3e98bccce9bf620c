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
    suspended: Object.keys(data.suspended).filter((part) => truth[data.suspended[part]]),
    split: Object.fromEntries(data.split.filter(([, , , , gate]) => truth[gate]).map(([role, former, other]) => [role, [former, other]])),
    takeovers: data.takeovers.filter((each) => truth[each.when]).map(({ role, from, to, both, steps }) => ({
      role, from, to, both: truth[both],
      steps: steps.filter((step) => truth[step.when]).map(({ title, hours, probability, after_failure }) => {
        const lasts = least(hours);
        return { step: title, hours: lasts ? lasts[0] : null, lasts: lasts ? lasts[1] : "", probability: least(probability)?.[0] ?? null, after_failure };
      }),
    })),
  };
}

/** The steps of one takeover from left to right, what follows a failure beneath. */
function k2relSteps({ role, from, to, both, steps }) {
  const made = (tag, kind, text) => Object.assign(document.createElement(tag), { className: kind, textContent: text ?? "" });
  const words = (name) => name.replaceAll("_", " ");
  const figure = made("div", "k2x-takeover"), title = `${words(role)}: ${words(from)} → ${words(to)}`;
  const row = (kind, label, some, end) => {
    const list = made("ol", kind);
    list.setAttribute("aria-label", label);
    for (const step of some) {
      const item = made("li", ""), likely = step.probability;
      item.append(made("span", "k2x-step", words(step.step)), made("span", "k2x-lasts", step.lasts || "–"));
      if (likely !== null) item.append(made("span", "k2x-odds", `${step.step === "data restored" ? "needed in" : "works in"} ${Number((100 * likely).toPrecision(4))} %`));
      list.append(item);
    }
    if (end) list.append(made("li", "k2x-end", end));
    return list;
  };
  const after = steps.filter((step) => step.after_failure);
  figure.append(made("h4", "", title), row("", title, steps.filter((step) => !step.after_failure), both ? "" : `at ${words(to)}`));
  if (after.length) figure.append(made("p", "k2x-else", "if that fails"), row("k2x-later", "if that fails", after, ""));
  return figure;
}
