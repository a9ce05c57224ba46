# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What came of all jobs of a host that builds for several kernels, as one result."""

from __future__ import annotations

from typing import Any

Result = dict[str, Any]


def together(built: Result, plan: Result) -> Result:
    """Return the result of `kmod_build` in a loop over a host's jobs as one; what is no such result is left as it is.

    All jobs build modules of the same names, so only the host's own builds are in it, by their fingerprints. `unbuilt`
    says of each job that failed as a whole why; a loop that failed has the messages of what failed in it.
    """
    results = built.get("results")
    if built.get("skipped") or not isinstance(results, list):
        return built
    own = {one["name"]: one["fingerprint"] for one in plan.get("build") or []}
    flags = {flag: True for flag in ("failed", "unreachable") if built.get(flag)}
    lost = [one for one in results if any(one.get(flag) for flag in flags)]
    return {
        **flags,
        **({"msg": "\n".join(_messages(lost, "msg"))} if lost else {}),
        "changed": bool(built.get("changed")),
        "modules": {
            name: one
            for job in results
            for name, one in (job.get("modules") or {}).items()
            if own.get(name) == one.get("fingerprint")
        },
        "failed_modules": {
            name: lines
            for job in results
            for name, lines in (job.get("failed_modules") or {}).items()
            if name in own and own[name] == _asked(job).get(name)
        },
        "unbuilt": _messages(results, "unbuilt"),
        "seconds": sum(job.get("seconds") or 0.0 for job in results),
    }


def _asked(job: Result) -> dict[str, str]:
    """Return what a job was to build, from the item of the loop, which Ansible puts beside the result."""
    item = job.get(job.get("ansible_loop_var", "item")) or {}
    return {one["name"]: one["fingerprint"] for one in item.get("modules") or []}


def _messages(results: list[Result], key: str) -> list[str]:
    """Return what they say, each once."""
    return list(dict.fromkeys(str(one[key]).strip() for one in results if one.get(key)))
