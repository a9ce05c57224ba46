# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The host's own note of each installed module, with the state before: the way back needs no controller's memory."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_json
from ansible_collections.procfleet.procfs.plugins.module_utils._names import installed_path, load_conf, manifest_path
from ansible_collections.procfleet.procfs.plugins.module_utils._store import published

_KEYS = ("fingerprint", "sha256", "build_id", "parameters", "depends", "entries")


def read_manifest(release: str, name: str) -> dict[str, Any]:
    """Return the note {fingerprint, sha256, build_id, parameters, depends, entries, rollout, former}; {} for none.

    `entries` are what the module was proven by; `rollout` names the run that brought it to this build and these
    parameters; `former` is the state before that, {state, persist, denied, …}, or None where there is no way back.
    """
    return read_json(manifest_path(release, name))


def summary(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a note without the entries, which only the host needs."""
    short = {key: value for key, value in manifest.items() if key != "entries"}
    if short.get("former"):
        short["former"] = {key: value for key, value in short["former"].items() if key != "entries"}
    return short


def next_manifest(module: dict[str, Any], seen: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return the note of a module's new state.

    Mending what has drifted is no new state: the way back still leads to the build before.
    :param module: what is wanted, by the keys of the note.
    :param seen: the module's state before, from `_modules.probe_modules`.
    :param before: the note that is replaced.
    """
    said = {key: module[key] for key in _KEYS}
    stood = seen["state"] == "live" or seen["persist"]["load"]
    before_that = dict({"depends": module["depends"]}, **before)  # which older notes do not say
    if stood and all(before_that.get(key) == module[key] for key in ("fingerprint", "parameters", "depends")):
        return dict(said, rollout=before.get("rollout"), former=before.get("former"))
    # A call that was cut off between load and note has left the wanted image running; the former is the noted one.
    cut_off = seen["state"] == "live" and seen["build_id"] == module["build_id"] != before.get("build_id")
    stood_before = dict(seen, build_id=before["build_id"]) if cut_off and before else seen
    return dict(said, rollout=module["rollout"], former=former_state(stood_before, before))


def former_state(seen: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return where a way back leads: {state}, `loaded`, `unloaded`, `absent` or `foreign`, and its build."""
    if seen["state"] == "live" and (not before or seen["build_id"] != before.get("build_id")):
        return {"state": "foreign", "build_id": seen["build_id"]}
    if not before or (seen["state"] != "live" and not seen["installed"]):
        return {"state": "absent"}
    state = "loaded" if seen["state"] == "live" else "unloaded"
    denied = (seen["persist"].get("options") or "").startswith("blacklist ")
    return dict({key: before.get(key) for key in _KEYS}, state=state, persist=seen["persist"]["load"], denied=denied)


def way_back(module: dict[str, Any], release: str) -> dict[str, Any] | None:
    """Return the request that brings a module back to its former state; None where this rollout did not change it.

    :param module: the request: its name, what must be gone, and the rollout that is taken back (None: any).
    :raises KmodError: when there is no way back.
    """
    name, note = module["name"], read_manifest(release, module["name"])
    if module["rollout"] and note.get("rollout") != module["rollout"]:
        return None
    former = note.get("former")
    if not former:
        raise KmodError("%s has no former state on this host" % name, "", "Deploy the build that it should have")
    if former["state"] == "foreign":
        raise KmodError(
            "%s cannot go back" % name,
            "what ran before (build-id %s) was not loaded by procfleet" % (former["build_id"] or "unknown"),
            "Load it by hand, or deploy the build that it should have",
        )
    back = dict(module, state=former["state"], persist=former.get("persist", False), note=former)
    if former["state"] == "absent":
        return back
    build = published(release, name, former["fingerprint"])
    if not build or build["sha256"] != former["sha256"]:
        raise KmodError(
            "%s cannot go back" % name, "its former build is not here any more, or damaged", "Deploy its former source"
        )
    said = {key: former[key] for key in ("fingerprint", "parameters")}
    lists = {key: former.get(key) or [] for key in ("depends", "entries")}
    return dict(back, path=build["path"], **said, **lists)


def as_noted(module: dict[str, Any], release: str) -> dict[str, dict[str, Any]]:
    """Return by its name the request that keeps a module as it is noted; nothing where no note is there."""
    name, note = module["name"], read_manifest(release, module["name"])
    if not note:
        return {}
    said = {key: note.get(key) for key in ("fingerprint", "parameters", "rollout")}
    said.update(state="loaded", persist=os.path.exists(load_conf(name)), path=installed_path(release, name))
    lists = {key: note.get(key) or [] for key in ("depends", "entries")}
    return {name: dict(module, **said, **lists)}


def settled(note: dict[str, Any]) -> dict[str, Any]:
    """Return the note of a module that has gone back; there is nothing before it."""
    return dict({key: note.get(key) for key in _KEYS}, rollout=None, former=None)
