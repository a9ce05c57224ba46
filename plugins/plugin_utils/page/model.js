// The record and the questions that the page asks of it. Nothing here touches the document.
const record = JSON.parse(document.getElementById("data").textContent);
const STATES = Object.keys(record.states); // worst first
const SEVERITY = new Map(STATES.map((state, index) => [state, index]));
const MODULES = [...new Set(record.hosts.flatMap((host) => Object.keys(host.modules)))];
const WAVE_STATES = { done: "ok", failed: "failed", returned: "drift" };

record.hosts.forEach((host, index) => {
  host.index = index;
  host.text = `${host.name} ${host.kernel ? host.kernel.release : ""}`.toLowerCase();
});

const number = (value) => value.toLocaleString("en");
const count = (value, word, words = `${word}s`) => `${number(value)} ${value === 1 ? word : words}`;
const short = (build) => (build ? (build.fingerprint || "not ours").slice(0, 8) : "none");

function duration(seconds) {
  if (seconds < 0.95) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

// The state that counts for a host while only one module is looked at.
function stateOf(host, module) {
  if (!module) return host.state;
  return host.modules[module] ? host.modules[module].state : host.error ? host.state : null;
}

// The states that a host is found by: its own, and whatever is wrong with its modules.
function statesOf(host, module) {
  const own = stateOf(host, module);
  const others = module ? [] : Object.values(host.modules).map((one) => one.state).filter((state) => state !== "ok");
  return [own, ...others];
}

// The hosts that the view asks for, in its order; `view` is {q, module, state: Set, sort, wave}.
function select(view, ignoreState = false) {
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  const wave = record.waves.find((one) => one.name === view.wave);
  const inWave = wave && new Set(wave.hosts);
  const found = record.hosts.filter(
    (host) =>
      words.every((word) => host.text.includes(word)) &&
      (!inWave || inWave.has(host.name)) &&
      stateOf(host, view.module) !== null &&
      (ignoreState || !view.state.size || statesOf(host, view.module).some((state) => view.state.has(state))),
  );
  if (view.sort === "name") return found;
  const rank = (host) => SEVERITY.get(stateOf(host, view.module)) - (host.reboot.length ? 0.5 : 0);
  return found.sort((one, other) => rank(one) - rank(other) || one.index - other.index);
}

// How many hosts each state would find, whatever states are chosen now.
function tally(view) {
  const found = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const host of select(view, true)) {
    for (const state of new Set(statesOf(host, view.module))) found[state] += 1;
  }
  return found;
}

// What went wrong, the same on several hosts told once: [{state, title, lines, failures, hosts, module}], most first.
function problems() {
  const groups = new Map();
  const add = (host, problem, key = JSON.stringify(problem)) => {
    if (!groups.has(key)) groups.set(key, { ...problem, hosts: [] });
    groups.get(key).hosts.push(host);
  };
  for (const host of record.hosts) {
    if (host.error) {
      const away = host.state === "unreachable"; // the messages differ in addresses alone
      const title = away ? "Not reached" : "The run stopped";
      const lines = [host.error.replaceAll(host.name, "this host")];
      add(host, { state: host.state, module: "", title, lines, failures: [] }, away ? "away" : undefined);
    }
    for (const reason of host.reboot) {
      add(host, { state: "drift", module: "", title: "Reboot needed", lines: [reason], failures: [], reboot: true });
    }
    for (const [module, one] of Object.entries(host.modules)) {
      if (one.reasons.length && one.state !== "unreachable") {
        const title = one.state === "drift" ? "not as wanted" : one.state === "absent" ? "absent" : "failed";
        add(host, { state: one.state, module, title, lines: one.reasons, failures: [] });
      }
      for (const entry of one.state === "failed" && one.contract ? one.contract.entries : []) {
        add(host, { state: "failed", module, title: entry.path, lines: [], failures: entry.failures });
      }
    }
  }
  const rank = (group) => SEVERITY.get(group.state);
  return [...groups.values()].sort((one, other) => rank(one) - rank(other) || other.hosts.length - one.hosts.length);
}
