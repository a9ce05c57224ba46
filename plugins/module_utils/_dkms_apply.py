# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources given to DKMS, and taken from it again: by its own commands, whole or not at all."""

from __future__ import annotations

import glob
import os
import re
import shutil
import tempfile
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils import _dkms, _dkms_trees, _names
from ansible_collections.procfleet.procfs.plugins.module_utils._build import unpack
from ansible_collections.procfleet.procfs.plugins.module_utils._command import Finished, run
from ansible_collections.procfleet.procfs.plugins.module_utils._dkms_trees import package, tree
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import (
    make_dir,
    read_json,
    read_text,
    remove,
    remove_empty_dirs,
    write_atomic,
    write_json,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import headers_path
from ansible_collections.procfleet.procfs.plugins.module_utils._names import dkms_note, installed_path
from ansible_collections.procfleet.procfs.plugins.module_utils._upcoming import next_kernel

OLDEST = (3, 0)
_QUICK = 60
_LAST_LINES = 8


class Request(NamedTuple):
    """What is to be registered, or taken back.

    `notes` maps name -> note, as `_dkms.note_of` makes it; `archives` maps name -> a tar of one folder for it and each
    of ours that it depends on, in base64; `timeout` is seconds for one command of DKMS, which may build;
    `rollout` names the run that registers, or that is taken back.
    """

    notes: dict[str, dict[str, Any]]
    archives: dict[str, str]
    timeout: float
    rollout: str = ""


def manage(request: Request, state: str, check: bool = False) -> dict[str, Any]:
    """Register modules, take them from DKMS, or bring back what was registered before; return what `kmod_dkms` returns.

    :param state: `registered`, `absent` or `former`.
    :raises KmodError: when nothing can be registered at all.
    """
    wanted = {name: note["version"] if state == "registered" else None for name, note in request.notes.items()}
    if state == "former":
        wanted = _formers(request)
    work = {name: _reasons(name, version) for name, version in wanted.items()}
    work = {name: lines for name, lines in work.items() if lines}
    built: dict[str, list[str]] = {}
    failed: dict[str, dict[str, Any]] = {}
    if not check:
        if any(wanted[name] for name in work):
            _check_version()
        for name in work:
            try:
                built[name] = _change(name, wanted[name], state, request)
            except KmodError as error:
                failed[name] = dict(error.details, msg=error.message)
            except OSError as error:
                why = KmodError(
                    "%s cannot be given to DKMS, or taken from it" % name, str(error), "Mend it, and run again"
                )
                failed[name] = {"msg": why.message}
    return {
        "changed": bool(work),
        "modules": {
            name: {"changed": name in work, "version": version, "built": built.get(name, [])}
            for name, version in wanted.items()
        },
        "failed_modules": failed,
        "diff": {
            "before": "".join("%s: %s\n" % (name, "; ".join(lines)) for name, lines in work.items()),
            "after": "".join("%s: %s\n" % (name, wanted[name] or "not registered") for name in work),
        },
    }


def _formers(request: Request) -> dict[str, str | None]:
    """Return what was registered before the rollout, by module: a version, or None; others are not in it."""
    notes = {name: read_json(dkms_note(name)) for name in request.notes}
    return {name: note["former"] for name, note in notes.items() if note and note["rollout"] == request.rollout}


def _reasons(name: str, version: str | None) -> list[str]:
    seen = _dkms.probe(name)
    if version:
        return _dkms.reasons(seen, version)
    return ["registered with DKMS"] if seen else []


def _change(name: str, version: str | None, state: str, request: Request) -> list[str]:
    """Bring one module to its version, or to none; return the kernels that DKMS has built it for."""
    if state == "former":
        kept = _kept(name, version) if version else None
        built = _register(name, version, kept, request) if version and kept else []
        if not kept:
            _remove_all(name, request.timeout)
        _forget(name)
        return built
    if not version:
        _remove_all(name, request.timeout)
        _forget(name)
        return []
    seen = _dkms.probe(name)
    if seen and seen["version"] == version and not seen["others"]:
        return _register(name, version, None, request)
    staged = _stage(request.notes[name], request.archives.get(name, ""))
    try:
        _keep(name, seen["version"] if seen else None, version, request.rollout)
        return _register(name, version, staged, request)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def explain_failures(result: dict[str, Any]) -> str:
    """Return one text for people: what could not be registered or taken back, and why."""
    return "\n".join(one["msg"] for _name, one in sorted(result["failed_modules"].items()))


def _kept(name: str, version: str) -> str:
    """Where the sources of a version lie that another one has replaced."""
    return "%s/%s-%s" % (os.path.dirname(dkms_note(name)), name, version)


def _keep(name: str, former: str | None, version: str, rollout: str) -> None:
    """Note what is replaced, and keep its sources: the way back needs no controller's memory."""
    _forget(name)
    if former and former != version:
        make_dir(os.path.dirname(dkms_note(name)))
        shutil.copytree(tree(name, former), _kept(name, former))
    write_json(dkms_note(name), {"rollout": rollout, "version": version, "former": former})


def _forget(name: str) -> None:
    """Remove the note, and the sources that were kept."""
    remove(dkms_note(name))
    for folder in glob.glob("%s-*" % glob.escape(dkms_note(name)[: -len(".json")])):
        shutil.rmtree(folder, ignore_errors=True)
    remove_empty_dirs(os.path.dirname(dkms_note(name)), _names.STATE_DIR)


def _check_version() -> None:
    said = run(["dkms", "--version"], _QUICK).out
    found = re.search(r"(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise KmodError(
            "DKMS is too old here",
            "it says %s; %d.%d is the first that leaves alone the kernels that have a build" % (said.strip(), *OLDEST),
            "Upgrade dkms, or set kmod_dkms to false for this host",
        )


def _register(name: str, version: str, sources: str | None, request: Request) -> list[str]:
    """Register sources, or only mend what is registered; return the kernels that DKMS has built them for.

    DKMS builds at once for kernels that it had built the former sources for, and for the newest installed one: no other
    moment would come for them before they are booted.
    :param sources: a folder that becomes theirs; None where they are registered already.
    """
    served = set(_dkms.installed_in(name)) if _dkms_trees.versions(name) else set()
    if sources:
        # DKMS would take a build of other sources but the same MODULE_VERSION for the one that is installed.
        _remove_all(name, request.timeout)
        shutil.move(sources, tree(name, version))
        try:
            _dkms_run("add", name, version, None, request.timeout)
        except KmodError:
            shutil.rmtree(tree(name, version), ignore_errors=True)
            raise
    for release in _dkms.installed_in(name):
        if os.path.exists(installed_path(release, name)):
            _dkms_run("uninstall", name, version, release, request.timeout)
    built = []
    for release in sorted(served | {next_kernel()}):
        free = not os.path.exists(installed_path(release, name)) and release not in _dkms.installed_in(name)
        if free and os.path.exists(headers_path(release) + "/Makefile"):
            _dkms_run("install", name, version, release, request.timeout)
            built.append(release)
    return built


def _stage(note: dict[str, Any], archive: str) -> str:
    """Lay out sources and configuration in a folder that no tool looks at; return it."""
    make_dir(_dkms_trees.SOURCES_DIR)
    for entry in os.listdir(_dkms_trees.SOURCES_DIR):
        if entry.startswith(".procfleet-"):  # of a run that was cut off
            shutil.rmtree(os.path.join(_dkms_trees.SOURCES_DIR, entry), ignore_errors=True)
    staged = tempfile.mkdtemp(prefix=".procfleet-", dir=_dkms_trees.SOURCES_DIR)
    try:
        unpack(archive, staged)
        for path, text in _dkms.generated(note).items():
            write_atomic(os.path.join(staged, path), text.encode())
        for folder, _folders, files in os.walk(staged):
            os.chmod(folder, 0o755)  # noqa: S103 - as every folder under /usr/src
            for file in files:
                os.chmod(os.path.join(folder, file), 0o644)
        if not _dkms.is_whole(staged, note["name"], note["version"]):
            raise KmodError("The sources of %s are not those that were noted" % note["name"], "", "Run again")
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise KmodError(
            "Writing the sources of %s failed" % note["name"], str(error), "Nothing was registered"
        ) from error
    except KmodError:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return staged


def _remove_all(name: str, timeout: float) -> None:
    """Take every version from DKMS, and the sources with it."""
    for version in _dkms_trees.versions(name):
        # Without its configuration DKMS would not know what it has installed.
        if not os.path.exists("%s/%s" % (tree(name, version), _dkms.CONF)):
            write_atomic("%s/%s" % (tree(name, version), _dkms.CONF), _dkms.configuration(name, version).encode())
        _dkms_run("remove", name, version, None, timeout)
    for folder in _dkms_trees.trees(name):
        shutil.rmtree(folder, ignore_errors=True)
    remove_empty_dirs("%s/%s" % (_dkms_trees.DKMS_DIR, package(name)))
    left = _dkms.probe(name)
    if left:
        raise KmodError(
            "%s is still registered with DKMS" % name,
            "%s could not be removed" % ", ".join(left["others"]),
            "Remove it by hand, and run again",
        )


def _dkms_run(action: str, name: str, version: str, release: str | None, timeout: float) -> None:
    """Run one command of DKMS; what it says when it fails is in the error."""
    kernel = ["-k", release] if release else ["--all"] if action == "remove" else []
    done = run(["dkms", action, "-m", package(name), "-v", version, *kernel], timeout, merge=True)
    if done.status:
        where = " for kernel %s" % release if release else ""
        raise KmodError(
            "DKMS does not %s %s%s" % (action, name, where),
            _said(done, name, version),
            "Mend that, and run again: `dkms status` says what it has",
        )


def _said(done: Finished, name: str, version: str) -> str:
    """Return DKMS's last words, and those of the make that failed, if one did."""
    made = "%s/%s/%s/build/make.log" % (_dkms_trees.DKMS_DIR, package(name), version)
    log = read_text(made) if done.status != 77 else None
    lines = [line.strip() for line in (done.out.splitlines() + (log or "").splitlines()) if line.strip()]
    errors = [line for line in lines if "rror" in line]
    return "status %d; it says: %s" % (done.status, " | ".join((errors or lines)[-_LAST_LINES:]))
