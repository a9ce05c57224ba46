// The top of the page: the verdict, the states as a bar and as filters, the waves, what is wrong.
const SHOWN_GROUPS = 6;
const SHOWN_HOSTS = 6;

function drawHeader() {
  const bad = record.hosts.filter((host) => host.state !== "ok").length;
  const reboot = record.hosts.filter((host) => host.reboot.length).length;
  const all = count(record.hosts.length, "host");
  const asWanted = record.hosts.length === 1 ? "1 host, as wanted" : `All ${all} as wanted`;
  const some = record.hosts.length === 1 ? all : `${number(bad)} of ${all}`;
  byId("verdict").textContent = bad ? `${some} ${bad === 1 ? "needs" : "need"} attention` : asWanted;
  const seconds = (Date.parse(record.finished) - Date.parse(record.started)) / 1000;
  const said = [
    count(MODULES.length, "module"),
    reboot ? `${count(reboot, "host")} to be rebooted` : "no reboot needed",
    `${record.playbook}${record.check ? " (check mode)" : ""}`,
    `${record.started.replace("T", " ").replace("Z", " UTC")}, ${duration(seconds)}`,
  ];
  byId("about").textContent = said.join(" · ");
  document.title = `${byId("verdict").textContent} · procfleet`;
  byId("bar").append(
    ...[...STATES].reverse().filter((state) => record.counts.hosts[state]).map((state) => {
      const part = el("span", { class: `fill ${state}` });
      part.style.flexGrow = record.counts.hosts[state];
      return part;
    }),
  );
}

function drawStates(view, update) {
  const numbers = tally(view);
  const chips = [...STATES].reverse().filter((state) => numbers[state] || view.state.has(state)).map((state) =>
    el(
      "button",
      {
        type: "button",
        class: `chip ${state}`,
        "aria-pressed": String(view.state.has(state)),
        title: record.states[state],
        "data-state": state,
        on: { click: () => update({ state: toggled(view.state, state) }) },
      },
      icon(state), el("span", {}, state), el("b", {}, number(numbers[state])),
    ),
  );
  const focused = document.activeElement && document.activeElement.dataset.state;
  byId("states").replaceChildren(...chips);
  if (focused) chips.find((chip) => chip.dataset.state === focused)?.focus();
}

function toggled(chosen, state) {
  const next = new Set(chosen);
  if (!next.delete(state)) next.add(state);
  return next;
}

// Waves on a time line: each a lane, its bar where it lay in time; one that has not begun has no bar.
function drawWaves(view, update) {
  byId("waves").hidden = !record.waves.length;
  if (!record.waves.length) return;
  const begun = record.waves.filter((wave) => wave.started);
  const start = Math.min(...begun.map((wave) => Date.parse(wave.started)), Date.parse(record.finished));
  const end = Math.max(...begun.map((wave) => Date.parse(wave.started) + wave.seconds * 1000), start + 1000);
  const lanes = record.waves.map((wave) => lane(wave, start, end - start, view, update));
  const steps = [0, 0.25, 0.5, 0.75, 1].map((part) => el("span", {}, part ? duration(Math.round(((end - start) * part) / 1000)) : "0"));
  byId("lanes").replaceChildren(...lanes, el("div", { class: "axis soft", "aria-hidden": "true" }, ...steps));
  byId("stopped").textContent = record.stopped && `Stopped: ${record.stopped}`;
  byId("stopped").hidden = !record.stopped;
}

function lane(wave, start, span, view, update) {
  const state = WAVE_STATES[wave.outcome] || "unknown";
  const track = el("span", { class: "track" });
  if (wave.started) {
    const bar = el("span", { class: `fill ${state}` });
    bar.style.left = `${(100 * (Date.parse(wave.started) - start)) / span}%`;
    bar.style.width = `${(100 * wave.seconds * 1000) / span}%`;
    track.append(bar);
  }
  const chosen = view.wave === wave.name;
  const when = wave.started ? duration(wave.seconds) : "not begun";
  const spent = wave.started ? Object.entries(wave.spent).map(([step, seconds]) => `${step} ${duration(seconds)}`).join(" · ") : "";
  return el(
    "button",
    { type: "button", class: "lane", title: spent && `At most, on one host: ${spent}`, "aria-pressed": String(chosen), on: { click: () => update({ wave: chosen ? "" : wave.name }) } },
    el("span", { class: "name" }, wave.name), el("span", { class: "soft" }, count(wave.hosts.length, "host")),
    track, badge(state, wave.outcome), el("span", { class: "soft num" }, when),
  );
}

function drawProblems(open) {
  const groups = problems();
  byId("problems").hidden = !groups.length;
  const cards = groups.map((group) => card(group, open));
  const rest = cards.slice(SHOWN_GROUPS);
  byId("groups").replaceChildren(...cards.slice(0, SHOWN_GROUPS));
  if (!rest.length) return;
  const more = el("button", { type: "button", class: "more", on: { click: () => more.replaceWith(...rest) } }, `Show ${number(rest.length)} more`);
  byId("groups").append(more);
}

function card(group, open) {
  const link = (host) => el("button", { type: "button", class: "link", on: { click: () => open(host.name, group.module) } }, host.name);
  const names = group.hosts.slice(0, SHOWN_HOSTS).map(link);
  const rest = group.hosts.slice(SHOWN_HOSTS);
  const more = el("button", { type: "button", class: "link", on: { click: () => more.replaceWith(...rest.map(link)) } }, `and ${number(rest.length)} more`);
  if (rest.length) names.push(more);
  return el(
    "details",
    { class: "group" },
    el("summary", {}, el("span", { class: `dot ${group.state}` }, icon(group.reboot ? "reboot" : group.state)),
      el("span", { class: "what" }, ...[group.module ? el("b", {}, group.module) : null, el("span", {}, group.title)].filter(Boolean),
        el("span", { class: "soft first" }, group.lines.join("; ") || group.failures.map((one) => one.check).join(", "))),
      el("span", { class: "soft num" }, count(group.hosts.length, "host"))),
    el("div", { class: "body" }, ...group.lines.map((line) => el("p", { class: "line" }, line)), ...group.failures.map(failureBlock),
      el("p", { class: "names" }, ...names)),
  );
}
