# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that belong together change together, or are put back as they were."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _modules, _names, _store
from ansible_collections.procfleet.procfs.plugins.module_utils._command import run
from ansible_collections.procfleet.procfs.plugins.module_utils._decide import Decision, boot_files, parameters_of
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import (
    make_dir,
    read_bytes,
    remove,
    remove_empty_dirs,
    write_atomic,
    write_json,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._load import load, unload
from ansible_collections.procfleet.procfs.plugins.module_utils._names import (
    build_dir,
    install_dir,
    installed_path,
    manifest_path,
)


class Transaction:
    """One group of modules that depend on each other, in load order.

    :param modules: what is wanted of each, in load order.
    :param seen: the state of each before.
    :param images: what each wanted image says of itself.
    """

    def __init__(
        self,
        release: str,
        timeout: float,
        modules: list[dict[str, Any]],
        seen: dict[str, dict[str, Any]],
        images: dict[str, dict[str, Any]],
    ) -> None:
        self.release, self.timeout = release, timeout
        self.modules, self.seen, self.images = modules, seen, images
        self.log: dict[str, list[str]] = {module["name"]: [] for module in modules}
        self._former: dict[str, bytes | None] = {}  # each file that was changed -> what it held
        self._tried: set[str] = set()  # what may be loaded now by our doing

    def run(self, decisions: dict[str, Decision]) -> None:
        """Apply the decisions; on failure put everything back and raise what went wrong."""
        try:
            self._apply(decisions)
        except KmodError as error:
            trouble = self._put_back(decisions)
            state = "could not be put back: %s" % "; ".join(trouble) if trouble else "is as it was before"
            error.details["restored"] = not trouble
            error.why = "%s. The host %s" % (error.why.rstrip("."), state) if error.why else "The host " + state
            raise

    def _apply(self, decisions: dict[str, Decision]) -> None:
        # Files first: a full disk is found while the former modules still run.
        for module in self.modules:
            if module.get("sent") and decisions[module["name"]].load:
                self._publish(module, module["sent"])
            if decisions[module["name"]].install:
                self._install(module)
        for module in reversed(self.modules):
            if decisions[module["name"]].unload:
                self.log[module["name"]] += unload(module, self.timeout)
        for module in self.modules:
            if decisions[module["name"]].load:
                self._tried.add(module["name"])
                self.log[module["name"]] += load(module, self.images[module["name"]], self.timeout)
        for module in self.modules:
            self._settle(module, decisions[module["name"]])

    def _publish(self, module: dict[str, Any], image: bytes) -> None:
        """Put an image at its build's address: it stays there for the way back."""
        name, identity = module["name"], module["fingerprint"]
        if _store.published(self.release, name, identity) is None:
            _store.publish(self.release, name, identity, image, self.images[name])

    def _install(self, module: dict[str, Any]) -> None:
        """Keep the image as a build, then put it where the kernel's tools look for it."""
        image = module.get("sent") or read_bytes(module["path"])
        if image is None:
            raise KmodError("%s is not there" % module["path"], "", "Build it anew")
        self._publish(module, image)
        self._remember(installed_path(self.release, module["name"]))
        write_atomic(installed_path(self.release, module["name"]), image)

    def _remember(self, *paths: str) -> None:
        for path in paths:
            self._former.setdefault(path, read_bytes(path))

    def _settle(self, module: dict[str, Any], decision: Decision) -> None:
        """What follows from success: the boot's files, the note of what is installed, old builds gone."""
        name = module["name"]
        if decision.boot:
            files = boot_files(name, module["parameters"], module["persist"] and module["state"] == "loaded")
            self._remember(*files)
            write_boot_files(files)
        if decision.purge and self.seen[name]["manifest"] and not module["install"]:
            _store.prune(self.release, name, self.seen[name]["manifest"])
        elif decision.purge:
            _store.purge(self.release, name)
        elif module["state"] == "loaded" and module["install"] and decision.changes:
            manifest = next_manifest(module, self.seen[name]["manifest"])
            self._remember(manifest_path(self.release, name))
            write_json(manifest_path(self.release, name), manifest)
            _store.prune(self.release, name, manifest)

    def _put_back(self, decisions: dict[str, Decision]) -> list[str]:
        """Restore files and load what ran before; return what could not be restored."""
        trouble: list[str] = []
        touched = [module for module in self.modules if decisions[module["name"]].changes]
        for module in reversed(touched):
            self._try(trouble, self._unload_new, module)
        for path in self._former:
            self._try(trouble, self._restore_file, path)
        for module in touched:
            self._try(trouble, self._load_former, module)
        return trouble

    @staticmethod
    def _try(trouble: list[str], step: Any, what: Any) -> None:
        try:
            step(what)
        except KmodError as error:
            trouble.append(error.message)

    def _unload_new(self, module: dict[str, Any]) -> None:
        """Take out an image that this transaction loaded."""
        if module["name"] in self._tried and _modules.load_state(module["name"]) == "live":
            unload(dict(module, log={}), self.timeout)

    def _restore_file(self, path: str) -> None:
        image = self._former[path]
        if image is None:
            remove(path)
            remove_empty_dirs(install_dir(self.release))
        elif read_bytes(path) != image:
            write_atomic(path, image)

    def _load_former(self, module: dict[str, Any]) -> None:
        """Load the image that ran before, with the parameters that it had."""
        name, before = module["name"], self.seen[module["name"]]
        if before["state"] != "live" or _modules.load_state(name) == "live":
            return
        places = [before["resolves_to"], installed_path(self.release, name)]
        places += ["%s/%s.ko" % (build_dir(self.release, name, one), name) for one in before["builds"]]
        found = ((path, _described(path)) for path in places if path)
        path, image = next(((path, one) for path, one in found if one.get("build_id") == before["build_id"]), ("", {}))
        if not path:
            raise KmodError("The image of %s that ran before is not on this host" % name)
        former = dict(module, path=path, parameters=parameters_of(before), log={})
        load(former, image, self.timeout)


def _described(path: str) -> dict[str, Any]:
    try:
        return describe(read_bytes(path) or b"")
    except KmodError:
        return {}


def next_manifest(module: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return the note of a module's new state; the build before it is kept as `former`."""
    same = before.get("fingerprint") == module["fingerprint"]
    former = before.get("former") if same else {key: before[key] for key in before if key != "former"}
    keys = ("fingerprint", "sha256", "build_id", "parameters")
    return dict({key: module[key] for key in keys}, former=former or None)


def write_boot_files(files: dict[str, str | None]) -> None:
    """Write or remove the files of modules-load.d and modprobe.d."""
    for path, text in files.items():
        if text is None:
            remove(path)
        else:
            write_atomic(path, text.encode())


def update_index(release: str) -> None:
    """Run depmod for one kernel, so that modprobe and the boot find what was installed."""
    make_dir("%s/%s" % (_names.MODULES_DIR, release))
    done = run(["depmod", release], 120)
    if done.status:
        raise KmodError("depmod failed for %s" % release, done.err.strip(), "Make room on the disk and run again")
