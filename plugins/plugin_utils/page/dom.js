// Making elements. Whatever comes from a host goes in as text, never as HTML.
const byId = (id) => document.getElementById(id);

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, action] of Object.entries(value)) element.addEventListener(event, action);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

// A state as sign and word, so that nobody needs its colour.
const badge = (state, text = state) => el("span", { class: `badge ${state}` }, icon(state), el("span", {}, text));

// One failed check: its diff, or what was expected and found.
function failureBlock(failure) {
  const body = failure.diff
    ? el("pre", { class: "diff", tabindex: "0" }, ...failure.diff.split("\n").map(diffLine))
    : el("dl", { class: "pair" }, el("dt", {}, "expected"), el("dd", {}, failure.expected), el("dt", {}, "found"), el("dd", {}, failure.found));
  const todo = failure.todo ? el("p", { class: "soft" }, failure.todo) : null;
  return el("div", { class: "failure" }, el("p", { class: "check" }, failure.check), body, todo);
}

function diffLine(line) {
  const kind = line.startsWith("@@") || line.startsWith("---") || line.startsWith("+++") ? "meta" : { "-": "minus", "+": "plus" }[line[0]];
  return el("span", { class: kind || "same" }, `${line}\n`);
}
