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


def failures(results: dict[str, Any]) -> list[str]:
    """Return what went wrong, in lines for people: builds, loads, and with `verify` what is not as wanted."""
    lines = []
    built, loaded = results["built"], results["loaded"]
    for name, errors in sorted(built.get("failed_modules", {}).items()):
        lines += [f"{name} does not build; what ran before runs on:", *(f"  {error}" for error in errors)]
    if built.get("failed_modules"):
        lines.append(f"The compiler's full log is {built.get('log')} on the host")
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
