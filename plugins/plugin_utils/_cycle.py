# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cycle does besides loading: each step is made whatever failed before it, and told of here."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import lost, named

STEPS = {
    "emptied": "unloading what was loaded",
    "unloaded": "unloading what the cycle had loaded",
    "cleared": "unloading what a failure left",
    "restored": "loading what was loaded before",
    "noted": "looking for the packages that were installed for this",
    "removed": "removing the packages that were installed for this",
}
_MISSED = "What was loaded before may not be all there: mend that, and run deploy.yml"


def mishaps(results: dict[str, dict[str, Any]]) -> list[str]:
    """Return what went wrong, in lines for people.

    :param results: step -> what it returned; one that was left out may be missing, empty or `skipped`.
    """
    found = {step: _lines(results.get(step) or {}) for step in STEPS}
    lines = [f"While {STEPS[step]}: {text}" for step, said in found.items() for text in said]
    return lines + ([_MISSED] if found["restored"] else [])


def _lines(result: dict[str, Any]) -> list[str]:
    failed, asserted = result.get("failed_modules") or {}, result.get("asserted") or {}
    said = [named(name, str(one["msg"])) for name, one in sorted(failed.items())]
    return lost(result) or said + ([asserted["explanation"]] if asserted.get("failed_entries") else [])
