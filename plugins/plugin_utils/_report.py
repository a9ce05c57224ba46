# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The results of a host's steps as people read them."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._order import dependents


def survivors(plan: dict[str, Any], built: dict[str, Any], loaded: dict[str, Any]) -> list[str]:
    """Return the planned modules that no step has failed so far, in load order.

    What depends on a failed one has failed with it.
    """
    failed = set(built.get("failed_modules", {})) | set(loaded.get("failed_modules", {}))
    lost = dependents(failed, plan["depends"])
    return [name for name in plan["depends"] if name not in lost]


def entries_left(plan: dict[str, Any], loaded: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of the planned modules that did not fail, in load order."""
    return [entry for name in survivors(plan, {}, loaded) for entry in plan["entries"].get(name, [])]


def prediction(plan: dict[str, Any], jobs: list[dict[str, Any]]) -> dict[str, str]:
    """Return all that would change on a host, as text before and after: its builds, and its modules."""
    lines = [f"package {package} installed" for job in jobs for package in job["packages"]]
    lines += [f"{one['name']}: build {one['fingerprint'][:12]}" for job in jobs for one in job["modules"]]
    after = "".join(f"{line}\n" for line in lines) + plan["prediction"]["after"]
    return {"before": plan["prediction"]["before"], "after": after}


def failures(results: dict[str, Any]) -> list[str]:
    """Return what went wrong, in lines for people: builds, loads, and with `verify` what is not as wanted."""
    lines = []
    loaded = results["loaded"]
    lines += [f"{name}: {one['msg']}" for name, one in sorted(loaded.get("failed_modules", {}).items())]
    if results["asserted"].get("failed_entries"):
        lines.append(results["asserted"]["explanation"])
    if results["verify"]:
        for name, reasons in results["plan"]["reasons"].items():
            lines.append(f"{name} is not as wanted: {'; '.join(reasons)}. Run deploy.yml to mend it")
    return lines


def summary(results: dict[str, Any]) -> list[str]:
    """Return the kernel, a line for each module with what was done and why, and what the entries say."""
    kernel = results["seen"]["kernel"]
    taint = results["loaded"].get("taint") or kernel["taint"]
    lines = [f"kernel {kernel['release']} ({kernel['arch']}), taint {taint['flags'] or 'none'}"]
    managed = results["loaded"].get("modules", {})
    for name, identity in results["plan"]["fingerprints"].items():
        one = managed.get(name) or results["seen"]["modules"].get(name, {})
        build = f", build {identity[:12]}" if one.get("state") == "live" else ""
        before = f" (was: {'; '.join(one['reasons'])})" if one.get("changed") else ""
        lines.append(f"{name}: {one.get('state', 'absent')}{build}{before}")
    return lines + list(results["asserted"].get("shown", []))
