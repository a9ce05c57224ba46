# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The flow of the `kmod` module: probe, decide, apply, for a list of modules at once."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._assert import check_entries
from ansible_collections.procfleet.procfs.plugins.module_utils._decide import WANTED, Decision, boot_files, decide
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._entry import normalise as normalise_entry
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_image, sha256
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import boot_id, taint
from ansible_collections.procfleet.procfs.plugins.module_utils._kmsg import faults_since, log_position
from ansible_collections.procfleet.procfs.plugins.module_utils._load import drop_unneeded
from ansible_collections.procfleet.procfs.plugins.module_utils._lock import host_lock
from ansible_collections.procfleet.procfs.plugins.module_utils._manifest import as_noted, way_back
from ansible_collections.procfleet.procfs.plugins.module_utils._modprobe import check_boot, outranked
from ansible_collections.procfleet.procfs.plugins.module_utils._modules import live_names, probe_modules
from ansible_collections.procfleet.procfs.plugins.module_utils._names import installed_path, normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._order import dependents, load_order
from ansible_collections.procfleet.procfs.plugins.module_utils._parameters import as_text, check_text
from ansible_collections.procfleet.procfs.plugins.module_utils._show import report
from ansible_collections.procfleet.procfs.plugins.module_utils._transaction import (
    Rules,
    Transaction,
    expected,
    renew_index,
)


class Options(NamedTuple):
    """What holds for the whole call; `rules` are those of `_transaction`, with the release and the limits.

    `state` is `loaded`, `unloaded`, `absent`, `former`: the one before the last change, or before that of `rollout`;
    or `prepared`: installed for the kernel of `rules.release`, which does not run yet.
    `unneeded` are modules of the kernel's own that are to go as well, where nothing uses them any more; `log_since` is
    the position in the kernel's log from which faults are looked for.
    """

    rules: Rules
    state: str
    install: bool = True
    persist: bool = True
    check: bool = False
    unneeded: tuple[str, ...] = ()
    rollout: str | None = None
    log_since: int | None = None


def manage(modules: list[dict[str, Any]], options: Options) -> dict[str, Any]:
    """Bring every module to its wanted state, and assert it there.

    Groups of modules that depend on each other stand or fall together; other groups go on.
    :param modules: each {name, path, fingerprint, parameters, depends, log, entries, gone}.
    :return: {changed, modules, failed_modules, brought, diff, taint, asserted, faults,
        log_position, boot_id}.
    :raises KmodError: when the request itself is wrong; then nothing was done.
    """
    if not modules:
        raise KmodError("The list of modules is empty", "", "Name at least one")
    wanted = {module["name"]: module for module in (_complete(module, options) for module in modules)}
    if options.check:
        return dict(_manage(wanted, options), brought=[])
    with host_lock(options.rules.timeout):
        result = _manage(wanted, options)
        drop_unneeded(options.unneeded, options.rules.timeout)
        brought = {one for module in wanted.values() for one in module["brought"]}
        return dict(result, brought=sorted((brought & live_names()) - set(wanted)))


def _complete(module: dict[str, Any], options: Options) -> dict[str, Any]:
    """Return the request with its name normalised and its values checked."""
    values = {name: check_text(name, as_text(value)) for name, value in (module.get("parameters") or {}).items()}
    return {
        "name": normalise(module["name"]),
        "path": module.get("path"),
        "sent": _sent(module),
        "brought": set(),
        "fingerprint": module.get("fingerprint"),
        "parameters": values,
        "depends": [normalise(name) for name in module.get("depends") or []],
        "log": module.get("log") or {},
        "entries": [normalise_entry(entry) for entry in module.get("entries") or []],
        "gone": [normalise_entry(entry) for entry in module.get("gone") or []],
        "rollout": options.rollout,
        "state": options.state,
        "install": options.install,
        "persist": options.persist,
    }


def _sent(module: dict[str, Any]) -> bytes | None:
    """Return the image that came along with the request; None where it lies on this host."""
    try:
        return base64.b64decode(module["image"], validate=True) if module.get("image") else None
    except ValueError as error:
        raise KmodError("The image of %s arrived damaged" % module["name"], str(error), "Send it again") from error


def _manage(wanted: dict[str, dict[str, Any]], options: Options) -> dict[str, Any]:
    release = options.rules.release
    failed: dict[str, dict[str, Any]] = {}
    if options.state == "former":
        wanted, failed = _ways_back(wanted, release)
    running = options.state != "prepared"
    seen = probe_modules(list(wanted), release, running)
    images = {name: _identify(module, seen[name], release) for name, module in wanted.items()}
    order = load_order(
        {name: [*module["depends"], *_needs(images[name], name, seen)] for name, module in wanted.items()}
    )
    for name in order:
        wanted[name]["foreign"] = _foreign(wanted[name], images[name], wanted)
    decisions = _with_dependents(wanted, seen, images, order)
    logs: dict[str, list[str]] = {}
    if options.check:
        asserted, after = _assert_calm(wanted, decisions, order, options), seen
    else:
        logs, asserted, lost = _apply(wanted, seen, images, decisions, order, options)
        after = probe_modules(order, release, running)
        failed.update({**outranked([name for name in order if decisions[name].install], after, release), **lost})
    changed = [name for name in order if decisions[name].changes and name not in failed]
    results = {
        name: {
            "changed": name in changed,
            "reasons": decisions[name].reasons,
            "log": logs.get(name, []),
            "state": _predicted(decisions[name], seen[name]) if options.check else after[name]["state"],
            "build_id": after[name]["build_id"],
            "parameters": after[name]["parameters"],
        }
        for name in order
    }
    return {
        "changed": bool(changed),
        "modules": results,
        "failed_modules": failed,
        "taint": taint(),
        "asserted": report(asserted),
        "faults": faults_since(options.log_since),
        "log_position": log_position(),
        "boot_id": boot_id(),
        "release": release,
        "diff": [_diff(wanted[name], seen[name], images[name]) for name in changed],
    }


def _assert_calm(
    wanted: dict[str, dict[str, Any]], decisions: dict[str, Decision], order: list[str], options: Options
) -> list[dict[str, Any]]:
    """Return the results of what needs no change, without a write; of what is only predicted nothing can be said."""
    asserted: list[dict[str, Any]] = []
    for name in order:
        entries = expected(wanted[name])
        if entries and not decisions[name].changes:
            results = check_entries(entries, options.rules.limits, check_mode=True)
            asserted += [dict(one, module=name) for one in results]
    return asserted


def _ways_back(
    wanted: dict[str, dict[str, Any]], release: str
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the requests for the former states, and what cannot go back.

    What this rollout did not change is left alone, unless it uses what goes back: then it is there to be loaded anew.
    Modules that belong together go back together, or not at all: nobody has proven one's former build with another's
    new one.
    """
    back: dict[str, dict[str, Any]] = {}
    failed: dict[str, dict[str, Any]] = {}
    for name, module in wanted.items():
        try:
            request = way_back(module, release)
        except KmodError as error:
            failed[name] = dict(error.details, msg=error.message)
            continue
        if request:
            back[name] = request
    for group in groups({name: module["depends"] for name, module in wanted.items()}, list(wanted)):
        stuck = [name for name in group if name in failed]
        for name in group:
            if stuck and name in back:
                del back[name]
                failed[name] = {"msg": "%s stays as it is: %s cannot go back" % (name, ", ".join(stuck))}
            elif name not in back and not stuck and set(group) & set(back):
                back.update(as_noted(wanted[name], release))
    return back, failed


def _predicted(decision: Decision, seen: dict[str, Any]) -> str:
    """Return the state that the decision leads to."""
    return "live" if decision.load else "absent" if decision.unload else str(seen["state"])


def _needs(image: dict[str, Any], name: str, seen: dict[str, dict[str, Any]]) -> list[str]:
    """What a module uses, whatever its contract says: by the wanted image; of one that leaves, by the kernel."""
    if image:
        return [normalise(str(one)) for one in image["depends"]]
    return [other for other in seen if name in seen[other]["holders"]]


def _identify(module: dict[str, Any], seen: dict[str, Any], release: str) -> dict[str, Any]:
    """Read the wanted image; add its sha256, build_id and fingerprint to the request; return what it says."""
    name = module["name"]
    wanted = module["state"] in WANTED or (module["state"] == "unloaded" and module.get("note"))
    if not wanted or seen["state"] == "builtin":
        return {}
    module["path"] = module["path"] or (seen["installed"] or {}).get("path") or installed_path(release, name)
    data = module.get("sent") or read_image(module["path"])
    if data is None:
        raise KmodError("There is no %s" % module["path"], "%s was not built here" % name, "Build it, or give `path`")
    image = describe(data)
    if image["release"] != release:
        raise KmodError(
            "%s is for kernel %s, and not for %s" % (module["path"], image["release"], release),
            "",
            "Build it for this kernel",
        )
    known = image["parameters"]
    unknown = sorted(set(module["parameters"]) - set(known))
    if unknown:
        raise KmodError(
            "%s has no parameter %s" % (name, ", ".join(unknown)),
            "it has %s; the kernel would only log it" % (", ".join(sorted(known)) or "none"),
            "Correct the name",
        )
    module.update(sha256=sha256(data), build_id=image["build_id"])
    module["fingerprint"] = module["fingerprint"] or module["sha256"]
    return image


def _foreign(module: dict[str, Any], image: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Return the modules that it needs and that are not in this request: the kernel's own."""
    needed = [normalise(str(name)) for name in image.get("depends", [])] + module["depends"]
    return sorted({name for name in needed if name not in ours})


def _with_dependents(
    wanted: dict[str, dict[str, Any]],
    seen: dict[str, dict[str, Any]],
    images: dict[str, dict[str, Any]],
    order: list[str],
) -> dict[str, Decision]:
    """Decide for each; a module that leaves takes those that use it along, and they come back after it."""
    decisions = {name: decide(wanted[name], seen[name], images[name].get("parameters", {})) for name in order}
    leaving = {name for name in order if decisions[name].unload}
    for name in dependents(leaving, {name: _uses(name, wanted, seen, images) for name in order}) - leaving:
        if seen[name]["state"] == "live":
            one = decisions[name]
            reasons = [*one.reasons, "a module that it uses is changed"]
            decisions[name] = one._replace(unload=True, load=wanted[name]["state"] == "loaded", reasons=reasons)
    return decisions


def _uses(
    name: str, wanted: dict[str, dict[str, Any]], seen: dict[str, dict[str, Any]], images: dict[str, dict[str, Any]]
) -> list[str]:
    """What a module depends on, by its contract, by its image and by what the kernel shows."""
    held = (other for other in seen if name in seen[other]["holders"])
    return [*wanted[name]["depends"], *_needs(images[name], name, seen), *held]


def _apply(
    wanted: dict[str, dict[str, Any]],
    seen: dict[str, dict[str, Any]],
    images: dict[str, dict[str, Any]],
    decisions: dict[str, Decision],
    order: list[str],
    options: Options,
) -> tuple[dict[str, list[str]], list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return the kernel's lines by module, the results of all entries, and what failed."""
    logs: dict[str, list[str]] = {}
    asserted: list[dict[str, Any]] = []
    failed: dict[str, dict[str, Any]] = {}
    for group in groups({name: _uses(name, wanted, seen, images) for name in order}, order):
        transaction = Transaction(options.rules, [wanted[name] for name in group], seen, images)
        try:
            if options.persist and options.state in WANTED:  # a way back is never refused for that
                check_boot({name: seen[name]["modprobe"] for name in group if decisions[name].boot})
            transaction.run({name: decisions[name] for name in group})
        except KmodError as error:
            failed.update({name: dict(error.details, msg=error.message) for name in group if decisions[name].changes})
        failed.update(
            {name: dict(one.details, msg=one.message, restored=False) for name, one in transaction.noticed.items()}
        )
        logs.update(transaction.log)
        asserted += [dict(one, module=name) for name, results in transaction.asserted.items() for one in results]
    if options.install and any(one.install or one.purge for one in decisions.values()):
        try:
            for release in _indexed(options.rules.release, seen, decisions):
                renew_index(release)
        except KmodError as error:
            touched = [name for name in order if decisions[name].install or decisions[name].purge]
            failed.update({name: dict(error.details, msg=error.message, restored=False) for name in touched})
    return logs, asserted, failed


def _indexed(release: str, seen: dict[str, dict[str, Any]], decisions: dict[str, Decision]) -> list[str]:
    """Return the kernels whose index has changed: that of the request, and others of which files were removed."""
    others = {one for name, decision in decisions.items() if decision.purge for one in seen[name]["elsewhere"]}
    return [release, *sorted(others)]


def groups(uses: dict[str, list[str]], order: list[str]) -> list[list[str]]:
    """Return the names in groups of those that depend on each other, each group in load order."""
    found: list[set[str]] = []
    for name in order:
        linked = {name, *(other for other in uses[name] if other in uses)}
        for group in [group for group in found if group & linked]:
            found.remove(group)
            linked |= group
        found.append(linked)
    return [[name for name in order if name in group] for group in found]


def _diff(wanted: dict[str, Any], seen: dict[str, Any], image: dict[str, Any]) -> dict[str, str]:
    """Return before and after of one module, as text for `--diff`."""
    there, loaded = wanted["state"] in WANTED, wanted["state"] == "loaded"
    before = {
        "state": seen["state"],
        "build-id": seen["build_id"],
        "parameters": seen["parameters"],
        "installed": (seen["installed"] or {}).get("sha256"),
        "boot": seen["persist"]["options"] or bool(seen["persist"]["load"]),
    }
    load, options = boot_files(wanted, seen).values()
    after = {
        "state": "live" if loaded else seen["state"] if there else "absent",
        "build-id": image.get("build_id"),
        "parameters": dict(seen["parameters"], **wanted["parameters"]) if loaded else {},
        "installed": wanted.get("sha256") if wanted["install"] and there else before["installed"],
        "boot": options or bool(load),
    }
    if wanted["state"] == "absent":
        after["installed"] = None
    headers = {"before_header": wanted["name"], "after_header": wanted["name"]}
    return {"before": _lines(before), "after": _lines(after), **headers}


def _lines(values: dict[str, Any]) -> str:
    return "".join("%s: %s\n" % pair for pair in values.items())


def explain_failures(result: dict[str, Any]) -> str:
    """Return one text for people: which modules failed and why, and which entries do not hold."""
    lines = ["%s: %s" % (name, one["msg"]) for name, one in sorted(result["failed_modules"].items())]
    explanation = result.get("asserted", {}).get("explanation")
    return "\n".join([*lines, explanation] if explanation else lines)
