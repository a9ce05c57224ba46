# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One host's part of the record: a pure function of what its steps returned."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._decide import AT_REST
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import EXPECTED_TAINT
from ansible_collections.procfleet.procfs.plugins.plugin_utils._gate import fate, touched, wave_of
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import worst
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import (
    NONSENSE,
    asserted_in,
    by_module,
    failures,
    senseless,
    survivors,
)

# A host's steps in their order: kmod_contract, kmod_info, kmod_plan, kmod_sign, kmod_build, kmod,
# kmod_assert, kmod_dkms; then, where a wave soaks, kmod in check mode, and where it goes back, kmod and kmod_dkms.
STEPS = (
    "contract",
    "seen",
    "plan",
    "signed",
    "built",
    "rebooted",
    "loaded",
    "asserted",
    "registered",
    "watched",
    "returned",
    "reverted",
)
SHORT = 12
# Taint that does not go away, and says that the kernel itself is not well.
_BROKEN = {"B": "a bad page", "D": "an oops", "L": "a soft lockup", "M": "a machine check"}

Result = dict[str, Any]


def host_part(name: str, results: dict[str, Result], rollout: Result | None = None) -> Result:
    """Return what the record says of one host, whatever became of it.

    :param results: step -> what the task returned, failed and unreachable ones as well; one that was left out may
        be missing, empty, or `skipped`.
    :param rollout: as `_gate` has it; none where nothing was rolled out.
    """
    try:
        return _part(name, results, rollout or {})
    except NONSENSE as error:  # it must not cost the others their record
        return unreadable(name, error, results.get("contract"), rollout)


def unreadable(name: str, error: Exception, contract: Result | None = None, rollout: Result | None = None) -> Result:
    """Return what the record says of a host whose answers cannot be read: what the controller knows by itself."""
    none = senseless(error)
    return _part(name, {"contract": contract or {}, "seen": none, "returned": none}, rollout or {})


def _part(name: str, results: dict[str, Result], rollout: Result) -> Result:
    results = touched(rollout, name, results)
    error = _error(results)
    steps = {step: _usable(results.get(step)) for step in STEPS}
    steps["built"] = _own(steps["built"], steps["plan"])
    asserted = {**by_module(steps), **by_module(steps, "returned")}
    modules = {module: _module(module, steps, error, asserted.get(module, [])) for module in _names(steps)}
    wave, back = wave_of(rollout, name), fate(rollout, name, results)
    trouble = (rollout.get("trouble") or {}).get(name, [])
    wrong = _failures(error, steps) or trouble
    unwell = trouble or steps["returned"].get("failed_modules") or steps["built"].get("unbuilt")
    kernel = steps["seen"].get("kernel") or {}
    return {
        "name": name,
        "state": "failed" if unwell and not error else _host_state(error, modules, steps),
        "reachable": not (error and error["unreachable"]) and bool(steps["contract"] or steps["seen"]),
        "error": error["message"] if error else "",
        "kernel": _kernel(kernel, steps["loaded"]),
        "taint": (steps["loaded"].get("taint") or kernel.get("taint") or {}).get("flags"),
        "reboot": _reboot(steps),
        "wave": wave["name"] if wave else "",
        "back": back,
        "failures": wrong + back,
        "modules": modules,
        "seconds": _seconds(steps),
    }


def _usable(result: Result | None) -> Result:
    """Return a step's result where it has any; {} where it was left out, failed as a whole, or had no answer."""
    if not result or any(result.get(flag) for flag in ("skipped", "failed", "unreachable")):
        return {}
    return result


def _own(built: Result, plan: Result) -> Result:
    """Return the result of the building without what the host builds for others alone."""
    mine = {one["name"] for one in plan.get("build") or []}
    failed = {name: lines for name, lines in (built.get("failed_modules") or {}).items() if name in mine}
    return {**built, "failed_modules": failed} if built else built


def _error(results: dict[str, Result]) -> Result | None:
    """Return what ended the host's run early, {step, unreachable, message}; None if nothing did."""
    for step in STEPS:
        result = results.get(step) or {}
        if result.get("unreachable") or result.get("failed"):
            message = str(result.get("msg", "")).strip() or "no message"
            return {"step": step, "unreachable": bool(result.get("unreachable")), "message": message}
    return None


def _names(steps: dict[str, Result]) -> list[str]:
    """Return the modules in load order, as far as the host's run tells them."""
    return list(steps["plan"].get("depends") or steps["contract"].get("names") or steps["seen"].get("modules") or [])


def _host_state(error: Result | None, modules: dict[str, Result], steps: dict[str, Result]) -> str:
    if error:
        return "unreachable" if error["unreachable"] else "failed"
    return worst(one["state"] for one in modules.values()) if steps["seen"] else "unknown"


def _kernel(kernel: Result, loaded: Result) -> Result | None:
    """Return what runs: `seen` may be of a kernel that was only going to be booted."""
    if not kernel:
        return None
    compiler = (kernel.get("compiler") or {}).get("name", "")
    return {"release": loaded.get("release") or kernel["running"], "arch": kernel["arch"], "compiler": compiler}


def _failures(error: Result | None, steps: dict[str, Result]) -> list[str]:
    """Return what went wrong, in lines for people."""
    return ([error["message"]] if error else []) + failures({**steps, "verify": False})


def _seconds(steps: dict[str, Result]) -> dict[str, float]:
    """Return how long each step took on the host, of those that were made; `kmod` asserts what it has loaded itself."""
    asserted = _total(asserted_in(steps).get("entries"))
    load = steps["loaded"].get("seconds")
    within = _total((steps["loaded"].get("asserted") or {}).get("entries"))
    spent = {
        "look": steps["seen"].get("seconds"),
        "build": steps["built"].get("seconds"),
        "load": load if load is None else max(0.0, load - (within or 0.0)),
        "assert": asserted,
    }
    return {step: round(seconds, 2) for step, seconds in spent.items() if seconds is not None}


def _total(entries: list[Result] | None) -> float | None:
    return None if entries is None else sum(entry["seconds"] for entry in entries)


def _reboot(steps: dict[str, Result]) -> list[str]:
    """Return why the host needs a reboot, in words; [] when it needs none."""
    before = ((steps["seen"].get("kernel") or {}).get("taint") or {}).get("flags", "")
    after = (steps["loaded"].get("taint") or {}).get("flags", before)
    gained = [letter for letter in after if letter not in before and letter not in EXPECTED_TAINT]
    reasons = [f"the kernel gained taint {''.join(gained)} while modules were loaded"] if gained else []
    reasons += [f"the kernel had {_BROKEN[one]} (taint {one})" for one in before if one in _BROKEN]
    for step in ("loaded", "returned"):
        for name, one in sorted((steps[step].get("failed_modules") or {}).items()):
            if one.get("restored") is False:
                reasons.append(f"{name} could not be put back as it was")
    for name, one in sorted((steps["seen"].get("modules") or {}).items()):
        if one["state"] in ("going", "coming"):
            reasons.append(f"{name} hangs in the kernel ({one['state']}), and cannot be replaced")
    return reasons


def _module(name: str, steps: dict[str, Result], error: Result | None, entries: list[Result]) -> Result:
    """Return how one module stands: what is wanted, installed and loaded, its state, and why."""
    seen = (steps["seen"].get("modules") or {}).get(name) or {}
    plan, managed = steps["plan"], (steps["loaded"].get("modules") or {}).get(name)
    bad = _bad(name, steps)
    returned = steps["returned"]
    back = name in (returned.get("modules") or {}) and name not in (returned.get("failed_modules") or {})
    mended = managed is not None and not bad and not back
    given = ((steps["registered"].get("modules") or {}).get(name) or {}).get("changed")
    given = given and name not in (steps["reverted"].get("modules") or {})
    to_give = list(((plan.get("dkms") or {}).get("reasons") or {}).get(name, []))
    wrong = [line for line in (plan.get("reasons") or {}).get(name, []) if not (given and line in to_give)]
    reasons = wrong + (["it went back to its former state"] if back else [])
    one: Result = {
        "state": "",
        "wanted": _wanted(name, steps),
        "installed": _installed(seen),
        "loaded": _loaded(seen),
        "parameters": dict(seen.get("parameters") or {}),
        "reasons": bad or ([] if mended else reasons),
        "changes": (reasons if mended and managed and managed["changed"] else []) + (to_give if given else []),
        "contract": _contract(entries),
    }
    if mended and managed:
        one.update(_mended(managed, one["wanted"], one["installed"]))
    one["state"] = _state(name, one, steps, error, bool(bad))
    if one["state"] == "absent":
        one["contract"] = None  # what is not in the kernel shows nothing: one reason is enough
    return one


def _bad(name: str, steps: dict[str, Result]) -> list[str]:
    """Return why the module could not be built or loaded; [] if nothing went wrong there."""
    errors = (steps["built"].get("failed_modules") or {}).get(name)
    if errors:
        return ["does not build", *errors]
    failed = (steps["loaded"].get("failed_modules") or {}).get(name)
    if failed:
        return [failed["msg"]]
    plan = steps["plan"]
    if plan and name not in survivors(plan, steps["built"], steps["loaded"]):
        return ["what it depends on failed"]
    return []


def _state(name: str, one: Result, steps: dict[str, Result], error: Result | None, bad: bool) -> str:
    """Return one of `_record.STATES` for a module."""
    contract, wanted = one["contract"], one["wanted"]
    if error and error["unreachable"]:
        return "unreachable"
    if bad or (error and one["reasons"]):
        return "failed"
    if not steps["plan"] or error or _never_booted(steps):
        return "unknown"
    if wanted and not one["loaded"]:
        return "absent"
    dkms = ((steps["plan"].get("dkms") or {}).get("reasons") or {}).get(name, [])
    if contract and contract["failed"] and all(_at_rest(why, dkms) for why in one["reasons"]):
        return "failed"  # the wanted image with the wanted parameters; of another one nothing else is to be expected
    return "drift" if one["reasons"] else "ok"


def _at_rest(reason: str, dkms: list[str]) -> bool:
    """Whether a reason says nothing of what runs: of the disk, the next boot, or DKMS."""
    return reason.startswith(AT_REST) or reason in dkms


def _never_booted(steps: dict[str, Result]) -> bool:
    """Whether what was seen is of a kernel that was to be booted, and the run did not get so far."""
    kernel = steps["seen"].get("kernel") or {}
    return bool(kernel) and kernel["release"] != kernel["running"] and not steps["loaded"]


def _wanted(name: str, steps: dict[str, Result]) -> Result | None:
    """Return the wanted build; None where the module is to be out of the kernel, or no plan was made."""
    identity = (steps["plan"].get("fingerprints") or {}).get(name)
    entries = (steps["plan"].get("entries") or {}).get(name)
    if not identity or (entries and all(entry.get("state") == "gone" for entry in entries)):
        return None
    seen = (steps["seen"].get("modules") or {}).get(name) or {}
    image = (steps["built"].get("modules") or {}).get(name) or {}
    if not image and seen.get("fingerprint") == identity:
        image = seen["installed"] or {}
    return _build(identity, image.get("build_id"))


def _build(identity: str | None, build_id: str | None) -> Result:
    return {"fingerprint": identity[:SHORT] if identity else None, "build_id": build_id}


def _installed(seen: Result) -> Result | None:
    image = seen.get("installed")
    return {**_build(seen.get("fingerprint"), image.get("build_id")), "by": image["by"]} if image else None


def _loaded(seen: Result) -> Result | None:
    """Return the loaded build; its fingerprint is known only where it is the installed file's image."""
    if seen.get("state", "absent") == "absent":
        return None
    build_id = seen.get("build_id")
    same = build_id and build_id == (seen.get("installed") or {}).get("build_id")
    return _build(seen.get("fingerprint") if same else None, build_id)


def _mended(managed: Result, wanted: Result | None, installed: Result | None) -> Result:
    """Return what `kmod` has proven: the loaded image is the wanted one, by build-id."""
    build = {**wanted, "build_id": managed["build_id"]} if wanted else None
    return {
        "wanted": build,
        "installed": {**build, "by": _by(wanted, installed)} if build else installed,
        "loaded": build if managed["state"] == "live" else None,
        "parameters": dict(managed["parameters"]),
    }


def _by(wanted: Result | None, installed: Result | None) -> str:
    """Return who has installed the wanted build: what was DKMS's before, and is the wanted one, is still DKMS's."""
    same = wanted and installed and wanted["fingerprint"] == installed["fingerprint"]
    return str(installed["by"]) if same and installed else "procfleet"


def _contract(entries: list[Result]) -> Result | None:
    """Return what was asserted of a module; None where nothing was."""
    if not entries:
        return None
    return {
        "total": len(entries),
        "failed": sum(not entry["holds"] for entry in entries),
        "seconds": round(_total(entries) or 0.0, 3),
        "entries": [
            {
                "path": entry["path"],
                "holds": entry["holds"],
                "seconds": round(entry["seconds"], 3),
                "failures": [dict(failure) for failure in entry["failures"]],
            }
            for entry in entries
        ],
    }
