// The view lives in the address: what is chosen can be bookmarked, sent to a colleague, and gone back from.
const view = { q: "", module: "", state: new Set(), sort: "", wave: "", host: "" };
let chosen = ""; // the module at which the drawer opens

function readView() {
  const said = new URLSearchParams(location.hash.slice(1));
  for (const key of ["q", "sort", "wave", "host"]) view[key] = said.get(key) || "";
  view.module = MODULES.includes(said.get("module")) ? said.get("module") : "";
  view.state = new Set((said.get("state") || "").split(",").filter((state) => SEVERITY.has(state)));
}

function writeView(push) {
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(view)) {
    const text = key === "state" ? [...value].join() : value;
    if (text) said.set(key, text);
  }
  history[push ? "pushState" : "replaceState"](null, "", `#${said}`);
}

function update(changes) {
  Object.assign(view, changes);
  writeView("host" in changes);
  if ("host" in changes) drawDetail(view.host, chosen, close); // the matrix stays, and with it the focus
  else draw();
}

function draw() {
  const hosts = select(view);
  byId("q").value = view.q;
  byId("module").value = view.module;
  byId("sort").value = view.sort;
  byId("count").textContent = hosts.length === record.hosts.length ? count(hosts.length, "host") : `${number(hosts.length)} of ${count(record.hosts.length, "host")}`;
  drawStates(view, update);
  drawWaves(view, update);
  drawMatrix(hosts, view.module ? [view.module] : MODULES, open);
  drawDetail(view.host, chosen, close);
}

function open(host, module) {
  chosen = module;
  update({ host });
}

const close = () => update({ host: "" });

function start() {
  drawHeader();
  byId("module").append(...MODULES.map((name) => el("option", { value: name }, name)));
  byId("q").addEventListener("input", (event) => update({ q: event.target.value }));
  byId("module").addEventListener("change", (event) => update({ module: event.target.value }));
  byId("sort").addEventListener("change", (event) => update({ sort: event.target.value }));
  byId("clear").addEventListener("click", () => update({ q: "", module: "", state: new Set(), wave: "" }));
  byId("grid").addEventListener("keydown", onGridKey);
  byId("grid").addEventListener("click", onGridClick);
  byId("detail").addEventListener("cancel", (event) => { event.preventDefault(); close(); });
  byId("detail").addEventListener("click", (event) => { if (event.target === event.currentTarget) close(); });
  addEventListener("scroll", drawRows, { passive: true });
  addEventListener("resize", drawRows);
  addEventListener("hashchange", () => { readView(); draw(); });
  addEventListener("popstate", () => { readView(); draw(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || byId("detail").open || event.target.matches("input, select")) return;
    event.preventDefault();
    byId("fleet-title").closest("section").scrollIntoView(); // what is found is in sight then
    byId("q").focus({ preventScroll: true });
  });
  drawProblems(open);
  readView();
  draw();
}

start();
