# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kernel that is to be booted: what has to be prepared for it, and whether it may be. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._modprobe import another_boot
from ansible_collections.procfleet.procfs.plugins.module_utils._packages import headers_package
from ansible_collections.procfleet.procfs.plugins.plugin_utils._contract import Contract
from ansible_collections.procfleet.procfs.plugins.plugin_utils._dkms import NOTHING
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import filled_in
from ansible_collections.procfleet.procfs.plugins.plugin_utils._plan import Options, plan, requests
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import lost, named

# Of a plan that is only to be looked at, nothing is built, signed, sent or registered.
_IDLE: dict[str, Any] = {"packages": [], "build": [], "sign": [], "modules": [], "dkms": NOTHING}

Chosen = list[tuple[Contract, dict[str, Any]]]


def plan_preparation(chosen: Chosen, seen: dict[str, Any], options: Options) -> dict[str, Any]:
    """Return the plan that prepares the kernel that was seen, with the keys of `_plan.plan`, and `headers`.

    For a kernel that runs already nothing is prepared: its plan says whether it would find all at its next boot.
    `headers` are packages that this very host needs first: where a kernel is not installed yet, only its headers tell
    how it was built.
    :raises KmodError: when nothing tells, or the modules could never be loaded there.
    """
    kernel = seen["kernel"]
    if runs(seen):
        return {**plan(chosen, seen, options._replace(state="loaded")), "headers": [], **_IDLE}
    if not chosen:
        return {**plan([], seen, options), "headers": []}
    if kernel["compiler"]["name"]:
        return {**plan(chosen, seen, options), "headers": []}
    if seen["headers"]["present"] or not options.packages:
        raise KmodError(
            f"Nothing on this host says how kernel {kernel['release']} was built",
            "neither the kernel nor its headers have left a configuration; installed are "
            f"{', '.join(seen['kernels']) or 'none'}",
            "Install it or its headers, or correct kmod_release",
        )
    headers = headers_package(filled_in(options.packages, seen))
    return {**plan([], seen, options), "headers": [headers] if headers else []}


def plan_reboot(chosen: Chosen, seen: dict[str, Any], options: Options) -> dict[str, Any]:
    """Return the plan of a reboot into the kernel that was seen, with the keys of `_plan.plan`.

    `modules` are those that must be back after it, none where that kernel runs already; `reasons` say what is not
    prepared, or, where it runs, not as wanted.
    """
    if runs(seen):
        return {**plan(chosen, seen, options._replace(state="loaded")), **_IDLE}
    prepared = plan(chosen, seen, options._replace(state="prepared"))
    return {**prepared, "modules": requests(chosen, seen, options._replace(state="loaded"))}


def runs(seen: dict[str, Any]) -> bool:
    """Whether the kernel that was looked at is the running one."""
    return bool(seen["kernel"]["release"] == seen["kernel"]["running"])


def obstacles(
    plan: dict[str, Any], seen: dict[str, Any], loaded: dict[str, Any], persist: bool, now: bool = False
) -> list[str]:
    """Return why the kernel that was seen must not be booted, in lines for people; none where it may be.

    :param seen: what `kmod_info` found with `copies`, after all was done.
    :param loaded: what `kmod` returned for the state `prepared`; {} where it had nothing to do.
    :param now: whether it is about to be booted, and the plan was made after all was done.
    """
    release = seen["kernel"]["release"]
    if not plan["fingerprints"]:
        return []
    if now and release not in seen["kernels"]:
        return [f"it is not installed there; installed are {', '.join(seen['kernels']) or 'none'}. Install it first"]
    if now and not persist and not runs(seen):
        return ["kmod_persist is false, so no module would come back by itself. Reboot by hand, and deploy then"]
    amiss = plan["reasons"] if runs(seen) or now else {}
    what, todo = ("as wanted", "deploy.yml") if runs(seen) else ("prepared", "preflight.yml")
    lines = [f"{name} is not {what}: {'; '.join(reasons)}. Run {todo}" for name, reasons in amiss.items()]
    failed = {name: str(one["msg"]) for name, one in (loaded.get("failed_modules") or {}).items()}
    lines += lost(loaded) + [named(name, text) for name, text in sorted(failed.items())]
    for name, identity in plan["fingerprints"].items():
        if name not in failed and name not in amiss:
            lines += _of_module(name, identity, seen, persist)
    return lines


def _of_module(name: str, identity: str, seen: dict[str, Any], persist: bool) -> list[str]:
    """Return why one module would not be there, or not the right one, once the kernel has booted."""
    one, kernel = seen["modules"][name], seen["kernel"]
    if one["state"] == "builtin":
        return []
    if one["fingerprint"] != identity:
        return [f"{name} is not prepared: its build for {kernel['release']} is not installed. Run preflight.yml"]
    lines, ours = [], one["installed"]
    if one["resolves_to"] != ours["path"]:
        found = one["resolves_to"] or "nothing"
        todo = ". Run deploy.yml: it takes DKMS's away" if "/updates/dkms/" in found else ""
        lines.append(f"{name}: modprobe would take {found}, and not {ours['path']}{todo}")
    if kernel.get("vermagic") and ours["vermagic"] != kernel["vermagic"]:
        lines.append(f"{name} bears {ours['vermagic']!r}, that kernel's own modules {kernel['vermagic']!r}")
    if persist and not one["persist"]["load"]:
        lines.append(f"{name} is not set for boot. Run preflight.yml")
    if persist and one["modprobe"]:
        lines.append(another_boot(name, one["modprobe"]).message)
    for copy in one.get("copies", []):
        if copy["initrd"] and copy["build_id"] not in (None, ours["build_id"]):
            lines.append(
                f"{copy['initrd']} holds another copy of {name}, which may be loaded first: {copy['path']}, build-id "
                f"{copy['build_id']}. Take it out of what makes the initrd, and make that anew "
                f"(`update-initramfs -u -k {kernel['release']}`, or `dracut -f`)"
            )
    return lines


def summary(plan: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    """Return what holds of a kernel that may be booted, in lines for people."""
    release, running = seen["kernel"]["release"], seen["kernel"]["running"]
    if not plan["fingerprints"]:
        return [f"this host is to have no modules; nothing was prepared for kernel {release}"]
    there = "may be booted" if release in seen["kernels"] else "is not installed yet; once it is, it may be booted"
    verdict = "runs already, and may be booted again" if runs(seen) else f"{there} (running: {running})"
    lines = [f"kernel {release} {verdict}"]
    for name, identity in plan["fingerprints"].items():
        one = seen["modules"][name]
        ours = one["installed"] or {}
        said = f"build {identity[:12]}, build-id {(ours.get('build_id') or 'none')[:12]}"
        lines.append(f"{name}: {'built into that kernel' if one['state'] == 'builtin' else said}")
        lines += [line for copy in one.get("copies", []) for line in _harmless(name, copy, ours.get("path"))]
    return lines


def _harmless(name: str, copy: dict[str, Any], ours: str | None) -> list[str]:
    """Return what is said of a copy that is in nobody's way, as far as can be told."""
    if copy["initrd"]:
        said = f"{name}: a copy of which the build-id cannot be told is in {copy['initrd']}: {copy['path']}"
        return [] if copy["build_id"] else [said]
    return [] if copy["path"] == ours else [f"{name}: another copy lies at {copy['path']}; modprobe takes ours"]
