// The matrix hosts x modules. Only the rows in sight are in the document, so that 1,000 hosts are as light as 20.
const ROW = 44;
const SPARE = 12;
const matrix = { hosts: [], modules: [], first: -1, last: -1, at: [0, 0], open: null };

function drawMatrix(hosts, modules, open) {
  Object.assign(matrix, { hosts, modules, open, first: -1, last: -1 });
  matrix.at = [Math.min(matrix.at[0], Math.max(hosts.length - 1, 0)), Math.min(matrix.at[1], modules.length)];
  const grid = byId("grid");
  byId("head").style.top = `${document.querySelector(".tools").offsetHeight}px`;
  byId("scroll").classList.toggle("wide", modules.length > 7);
  grid.style.setProperty("--columns", modules.length);
  grid.setAttribute("aria-rowcount", hosts.length + 1);
  grid.setAttribute("aria-colcount", modules.length + 1);
  byId("head").replaceChildren(...["Host", ...modules].map((name) => el("div", { role: "columnheader", title: name }, name)));
  byId("rows").style.height = `${hosts.length * ROW}px`;
  byId("none").hidden = hosts.length > 0;
  byId("scroll").hidden = !hosts.length;
  drawRows();
}

// Put the rows into the document that are in sight now, and a few around them.
function drawRows() {
  const top = -byId("rows").getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const last = Math.min(matrix.hosts.length, Math.ceil((top + innerHeight) / ROW) + SPARE);
  if (first === matrix.first && last === matrix.last) return;
  const focused = byId("rows").contains(document.activeElement);
  Object.assign(matrix, { first, last });
  byId("rows").replaceChildren(...matrix.hosts.slice(first, last).map((host, index) => row(host, first + index)));
  if (focused) cellAt(matrix.at)?.focus({ preventScroll: true });
}

function row(host, index) {
  const line = el("div", { class: "row", role: "row", "aria-rowindex": index + 2 });
  line.style.top = `${index * ROW}px`;
  line.append(hostCell(host, index), ...matrix.modules.map((module, column) => moduleCell(host, module, index, column + 1)));
  return line;
}

function cell(at, attributes, ...children) {
  const current = at[0] === matrix.at[0] && at[1] === matrix.at[1];
  return el("div", { tabindex: current ? "0" : "-1", "data-at": at.join(), ...attributes }, ...children);
}

function hostCell(host, index) {
  const kernel = host.kernel ? host.kernel.release : host.reachable ? "" : "no answer";
  const taint = host.taint ? ` · taint ${host.taint}` : "";
  const reboot = host.reboot.length ? el("span", { class: "reboot", title: host.reboot.join("\n") }, "reboot · ") : "";
  return cell(
    [index, 0], { role: "rowheader", class: "host", title: host.name },
    el("span", { class: `dot ${host.state}` }, icon(host.state), el("span", { class: "sr" }, host.state)),
    el("span", { class: "names" }, el("b", {}, host.name), el("small", {}, reboot, kernel + taint)),
  );
}

function moduleCell(host, module, index, column) {
  const one = host.modules[module];
  const at = [index, column];
  if (!one) return cell(at, { role: "gridcell", class: "cell none" }, host.error ? badge(host.state) : el("span", { class: "soft" }, "not chosen"));
  const contract = one.contract;
  const failed = contract && one.state === "failed" && contract.failed ? `${contract.failed} of ${contract.total}` : "";
  const roomy = matrix.modules.length < 3 ? one.reasons.join("; ") : "";
  const more = roomy || failed || (one.loaded ? short(one.loaded) : "");
  const why = [...one.reasons, ...(contract ? contract.entries.map((entry) => `${entry.path} does not hold`) : [])].join("\n");
  return cell(at, { role: "gridcell", class: `cell ${one.state}`, title: why || null }, icon(one.state), el("span", {}, one.state), el("code", {}, more));
}

const cellAt = (at) => byId("rows").querySelector(`[data-at="${at.join()}"]`);

// Move the one cell that has the focus; the page scrolls along.
function moveTo(line, column) {
  const at = [Math.max(0, Math.min(line, matrix.hosts.length - 1)), Math.max(0, Math.min(column, matrix.modules.length))];
  cellAt(matrix.at)?.setAttribute("tabindex", "-1");
  matrix.at = at;
  const box = byId("rows").getBoundingClientRect();
  const top = box.top + at[0] * ROW;
  const head = byId("scroll").previousElementSibling.offsetHeight + ROW;
  if (top < head) scrollBy(0, top - head);
  else if (top + ROW > innerHeight) scrollBy(0, top + ROW - innerHeight);
  drawRows();
  const target = cellAt(at);
  target?.setAttribute("tabindex", "0");
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function onGridKey(event) {
  const [line, column] = matrix.at;
  const page = Math.max(1, Math.floor(innerHeight / ROW) - 3);
  const far = event.ctrlKey ? matrix.hosts.length : 0;
  const moves = {
    ArrowUp: [line - 1, column], ArrowDown: [line + 1, column], ArrowLeft: [line, column - 1], ArrowRight: [line, column + 1],
    PageUp: [line - page, column], PageDown: [line + page, column],
    Home: [event.ctrlKey ? 0 : line, 0], End: [line + far, matrix.modules.length],
  };
  if (moves[event.key]) moveTo(...moves[event.key]);
  else if (event.key === "Enter" || event.key === " ") matrix.open(matrix.hosts[line].name, matrix.modules[column - 1]);
  else return;
  event.preventDefault();
}

function onGridClick(event) {
  const target = event.target.closest("[data-at]");
  if (!target) return;
  moveTo(...target.dataset.at.split(",").map(Number));
  matrix.open(matrix.hosts[matrix.at[0]].name, matrix.modules[matrix.at[1] - 1]);
}
