// One host with all that is known of it, in a drawer.
function drawDetail(name, module, close) {
  const host = record.hosts.find((one) => one.name === name);
  const dialog = byId("detail");
  if (!host) {
    if (dialog.open) dialog.close();
    return;
  }
  dialog.replaceChildren(
    el("div", { class: "drawer-head" },
      el("div", {}, el("h2", { id: "detail-title" }, host.name), badge(host.state)),
      el("button", { type: "button", class: "close", "aria-label": "Close", on: { click: close } }, icon("failed"))),
    facts(hostFacts(host)),
    ...(host.error ? [el("p", { class: "line error" }, host.error)] : []),
    ...host.back.map((line) => el("p", { class: "line" }, line)),
    ...Object.entries(host.modules).map(([each, one]) => moduleCard(each, one, each === module)),
  );
  if (!dialog.open) dialog.showModal();
  dialog.querySelector(".chosen")?.scrollIntoView({ block: "start" });
}

function hostFacts(host) {
  const steps = Object.entries(host.seconds).map(([step, seconds]) => `${step} ${duration(seconds)}`);
  return [
    ["Kernel", host.kernel ? `${host.kernel.release} (${host.kernel.arch})` : "not seen"],
    ["Compiler", host.kernel ? host.kernel.compiler : ""],
    ["Taint", host.taint === null ? "not seen" : host.taint || "none"],
    ["Reboot", host.reboot.length ? host.reboot.join("; ") : "not needed"],
    ["Wave", host.wave],
    ["Time", steps.join(" · ")],
  ];
}

const facts = (pairs) =>
  el("dl", { class: "facts" }, ...pairs.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

function moduleCard(name, one, chosen) {
  const contract = one.contract;
  const parameters = Object.entries(one.parameters).map(([key, value]) => `${key}=${value === null ? "(hidden)" : value}`);
  const changes = one.changes.length ? facts([["Mended", one.changes.join("; ")]]) : null;
  return el(
    "section",
    { class: chosen ? "module chosen" : "module" },
    el("h3", {}, name, badge(one.state)),
    el("table", { class: "builds" }, el("tbody", {}, ...["wanted", "installed", "loaded"].map((which) => buildRow(which, one)))),
    parameters.length ? facts([["Parameters", parameters.join(" ")]]) : null,
    changes,
    ...one.reasons.map((reason) => el("p", { class: "line" }, reason)),
    contract ? el("p", { class: "soft" }, `${number(contract.total - contract.failed)} of ${count(contract.total, "entry", "entries")} ${contract.total === 1 ? "holds" : "hold"}, ${duration(contract.seconds)}`) : null,
    ...(contract ? contract.entries : []).map((entry) => el("div", { class: "entry" }, el("h4", {}, entry.path), ...entry.failures.map(failureBlock))),
  );
}

function buildRow(which, one) {
  const build = one[which];
  const other = which !== "wanted" && one.wanted && (!build || build.fingerprint !== one.wanted.fingerprint);
  return el("tr", { class: other ? "other" : null }, el("th", { scope: "row" }, which),
    el("td", {}, el("code", {}, build ? build.fingerprint || "not our build" : "none")),
    el("td", {}, build && build.build_id ? el("code", { class: "soft", title: build.build_id }, `build-id ${build.build_id.slice(0, 12)}`) : ""));
}
