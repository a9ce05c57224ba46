# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The results of a host's steps as people read them."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._order import dependents
from ansible_collections.procfleet.procfs.plugins.plugin_utils._jobs import together

# What it raises to read an answer that has not the shape of one.
NONSENSE = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def survivors(plan: dict[str, Any], built: dict[str, Any], loaded: dict[str, Any]) -> list[str]:
    """Return the planned modules that no step has failed so far, in load order.

    What depends on a failed one has failed with it.
    """
    failed = set(built.get("failed_modules", {})) | set(loaded.get("failed_modules", {}))
    lost = dependents(failed, plan["depends"])
    return [name for name in plan["depends"] if name not in lost]


def parted(steps: dict[str, Any]) -> dict[str, Any]:
    """Return a host's steps where `built` is one result: of all its jobs, or of what the call that loads has built."""
    loaded = dict(steps.get("loaded") or {})
    built = loaded.pop("built", None)
    if isinstance(built, dict):
        return {**steps, "loaded": loaded, "built": built}
    try:
        return {**steps, "built": together(steps.get("built") or {}, steps.get("plan") or {})}
    except NONSENSE as error:  # it must not cost the others their gate and their record
        return {**steps, "built": senseless(error)}


def prediction(plan: dict[str, Any], jobs: list[dict[str, Any]]) -> dict[str, str]:
    """Return all that would change on a host, as text before and after: its builds, and its modules."""
    lines = [f"package {package} installed" for job in jobs for package in job["packages"]]
    lines += [f"{one['name']}: build {one['fingerprint'][:12]}" for job in jobs for one in job["modules"]]
    after = "".join(f"{line}\n" for line in lines) + plan["prediction"]["after"]
    return {"before": plan["prediction"]["before"], "after": after}


def lost(result: dict[str, Any]) -> list[str]:
    """Return, as one line, why a step returned nothing: the host did not answer, or the step failed as a whole."""
    said = str(result.get("msg", "")).strip() or "no message"
    if result.get("unreachable"):
        return [f"does not answer: {said}"]
    return [said] if result.get("failed") else []


def sane(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a host answered to `kmod`, if it has the shape of an answer; else a failure that says so.

    One host that talks nonsense must not keep the gate from sending the others back.
    """
    modules, failed = result.get("modules"), result.get("failed_modules")
    asserted = result.get("asserted")
    well = (
        all(isinstance(one, dict) and "changed" in one for one in _values(modules))
        and all(isinstance(one, dict) and isinstance(one.get("msg"), str) for one in _values(failed))
        and all(isinstance(one, dict) and {"path", "holds"} <= set(one) for one in _entries(asserted))
    )
    if well:
        return result
    return senseless("it has not the shape of one")


def senseless(why: Exception | str) -> dict[str, Any]:
    """Return what stands for an answer that cannot be read: a step that has failed as a whole."""
    said = f"{type(why).__name__}: {why}"[:200] if isinstance(why, Exception) else why
    return {
        "failed": True,
        "changed": False,
        "msg": f"its answer makes no sense: {said}. See what runs as Python there",
    }


def _values(mapping: Any) -> list[Any]:
    return list(mapping.values()) if isinstance(mapping, dict) else [] if mapping is None else [None]


def _entries(asserted: Any) -> list[Any]:
    if asserted is None:
        return []
    entries = asserted.get("entries") if isinstance(asserted, dict) else None
    return entries if isinstance(entries, list) else [None]


def named(name: str, said: str) -> str:
    """Return what is said of a module with its name, which most messages begin with."""
    return said if said.startswith(name) else f"{name}: {said}"


def asserted_in(steps: dict[str, Any]) -> dict[str, Any]:
    """Return what came of the entries: `kmod` asserts them where it had something to do, else `proc_assert` did.

    After a reboot both have, and `proc_assert` has written as well.
    """
    asserted: dict[str, Any] = steps["asserted"]
    return asserted if asserted.get("entries") else steps["loaded"].get("asserted") or asserted


def by_module(steps: dict[str, Any], step: str = "loaded") -> dict[str, list[dict[str, Any]]]:
    """Return module -> results of its entries, as `kmod` returned them in a step, or `proc_assert` for all at once."""
    found: dict[str, list[dict[str, Any]]] = {}
    whole = (steps.get("asserted") or {}).get("entries") or []
    if step == "loaded" and whole:
        # Those of all modules, in one list, in order.
        plan = steps["plan"]
        owners = [name for name in plan.get("depends", {}) for _entry in plan["entries"].get(name, [])]
        for owner, result in zip(owners, whole, strict=False):
            found.setdefault(owner, []).append(result)
        return found
    for result in ((steps.get(step) or {}).get("asserted") or {}).get("entries") or []:
        found.setdefault(result["module"], []).append(result)
    return found


def failing_modules(steps: dict[str, Any]) -> dict[str, str]:
    """Return each module that failed on the host itself, by load or by what it shows, with one line that says why."""
    bad = (steps["loaded"].get("failed_modules") or {}).items()
    failed = {name: str(one["msg"]) for name, one in bad if one.get("sent", True)}
    for name, results in by_module(steps).items():
        paths = [result["path"] for result in results if not result["holds"]]
        if paths:
            failed.setdefault(name, f"does not hold what it must at {', '.join(paths)}")
    return failed


def failures(results: dict[str, Any]) -> list[str]:
    """Return what went wrong, in lines for people: builds, loads, and with `verify` what is not as wanted."""
    made = ("built", "loaded", "asserted", "registered")
    lines = [line for step in made for line in lost(results.get(step) or {})]
    lines += [named(name, one["msg"]) for name, one in sorted(results["loaded"].get("failed_modules", {}).items())]
    # Where the host needs it itself, its modules have said so.
    lines += [one for one in (results.get("built") or {}).get("unbuilt", []) if not any(one in line for line in lines)]
    asserted = asserted_in(results)
    if asserted.get("failed_entries"):
        lines.append(asserted["explanation"])
    if results["verify"]:
        for name, reasons in results["plan"]["reasons"].items():
            lines.append(f"{name} is not as wanted: {'; '.join(reasons)}. Run deploy.yml to mend it")
    return lines


def summary(results: dict[str, Any]) -> list[str]:
    """Return the kernel, a line for each module with what was done and why, and what the entries say."""
    kernel = results["seen"]["kernel"]
    taint = results["loaded"].get("taint") or kernel["taint"]
    running = results["loaded"].get("release") or kernel["running"]
    lines = [f"kernel {running} ({kernel['arch']}), taint {taint['flags'] or 'none'}"]
    managed = results["loaded"].get("modules", {})
    for name, identity in results["plan"]["fingerprints"].items():
        one = managed.get(name) or results["seen"]["modules"].get(name, {})
        build = f", build {identity[:12]}" if one.get("state") == "live" else ""
        before = f" (was: {'; '.join(one['reasons'])})" if one.get("changed") else ""
        lines.append(f"{name}: {one.get('state', 'absent')}{build}{before}")
    return lines + list(asserted_in(results).get("shown", []))
