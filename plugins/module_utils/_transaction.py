# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Modules that belong together change together, or are put back as they were."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterator, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils import _modules, _names, _store
from ansible_collections.procfleet.procfs.plugins.module_utils._assert import check_entries
from ansible_collections.procfleet.procfs.plugins.module_utils._command import run
from ansible_collections.procfleet.procfs.plugins.module_utils._decide import (
    WANTED,
    Decision,
    boot_files,
    parameters_of,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import (
    make_dir,
    read_bytes,
    read_image,
    remove,
    remove_empty_dirs,
    sync_dir,
    write_atomic,
    write_json,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import taint
from ansible_collections.procfleet.procfs.plugins.module_utils._kmsg import KernelLog
from ansible_collections.procfleet.procfs.plugins.module_utils._load import check_calm, load, unload
from ansible_collections.procfleet.procfs.plugins.module_utils._manifest import next_manifest, read_manifest, settled
from ansible_collections.procfleet.procfs.plugins.module_utils._names import (
    build_dir,
    install_dir,
    installed_path,
    manifest_path,
    staged_path,
)


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Make any failure one that puts things back: a read-only file system, no memory, no space; a fault of our own."""
    try:
        yield
    except KmodError:
        raise
    except OSError as error:
        place = " at %s" % error.filename if error.filename else ""
        raise KmodError(
            what + " failed", "%s%s" % (os.strerror(error.errno or 0), place), "Mend it, and run again"
        ) from error
    except Exception as error:
        raise KmodError(
            what + " failed", "%s: %s" % (type(error).__name__, error), "Report it: procfleet is at fault"
        ) from error


class Rules(NamedTuple):
    """What holds for every transaction of a call.

    `timeout` in seconds for one load or unload; `limits` for each entry, as `_assert.check_entries` takes them;
    `rollback`: whether a module that does not show what it should is put back as it was.
    """

    release: str
    timeout: float
    limits: dict[str, Any]
    rollback: bool


class Transaction:
    """One group of modules that depend on each other, in load order.

    :param modules: what is wanted of each, in load order.
    :param seen: the state of each before.
    :param images: what each wanted image says of itself.
    """

    def __init__(
        self,
        rules: Rules,
        modules: list[dict[str, Any]],
        seen: dict[str, dict[str, Any]],
        images: dict[str, dict[str, Any]],
    ) -> None:
        self.rules, self.release, self.timeout = rules, rules.release, rules.timeout
        self.modules, self.seen, self.images = modules, seen, images
        self.log: dict[str, list[str]] = {module["name"]: [] for module in modules}
        self.asserted: dict[str, list[dict[str, Any]]] = {}  # module -> results of its entries
        self.noticed: dict[str, KmodError] = {}  # what went wrong, and was left loaded to be looked at
        self._former: dict[str, bytes | None] = {}  # each file that was changed -> what it held
        self._tried: set[str] = set()  # what may be loaded now by our doing

    def run(self, decisions: dict[str, Decision]) -> None:
        """Apply the decisions; on failure put everything back and raise what went wrong."""
        try:
            with _explained("The change of %s" % ", ".join(self.log)):
                self._apply(decisions)
        except KmodError as error:
            trouble = self._put_back(decisions)
            state = "could not be put back: %s" % "; ".join(trouble) if trouble else "is as it was before"
            error.details["restored"] = not trouble
            error.why = "%s. The host %s" % (error.why.rstrip("."), state) if error.why else "The host " + state
            raise

    def _apply(self, decisions: dict[str, Decision]) -> None:
        # The image first: a full disk is found while the former modules still run. The file that the next boot loads
        # comes last: a host that dies on the way comes back with the module that was proven.
        for module in self.modules:
            if decisions[module["name"]].load or decisions[module["name"]].install:
                self._publish(module)
            if decisions[module["name"]].install:
                self._stage(module)
        for module in reversed(self.modules):
            if decisions[module["name"]].unload:
                self.log[module["name"]] += unload(module, self.timeout)
        for module in self.modules:
            if decisions[module["name"]].load:
                self._tried.add(module["name"])
                self.log[module["name"]] += load(module, self.images[module["name"]], self.timeout)
        for module in self.modules:
            self._prove(module, decisions[module["name"]])
        for module in self.modules:
            if decisions[module["name"]].install:
                self._install(module)
        for module in self.modules:
            self._settle(module, decisions[module["name"]])

    def _prove(self, module: dict[str, Any], decision: Decision) -> None:
        """Assert what the module must show; what was just loaded must show it, or all of the group goes back."""
        name, entries = module["name"], expected(module)
        if not entries:
            return
        before = taint()["flags"]
        with KernelLog() as log:
            self.asserted[name] = check_entries(entries, self.rules.limits)
            records = log.read()
        if not decision.load:
            return
        try:
            check_calm(name, "its entries were read", before, records)
        except KmodError as error:
            if self.rules.rollback:
                raise
            self.noticed[name] = error
        if self.rules.rollback:
            _must_hold(name, self.asserted[name])

    def _publish(self, module: dict[str, Any]) -> None:
        """Put an image at its build's address, for the way back as well; without `install` only one that came along."""
        name, identity = module["name"], module["fingerprint"]
        before = self.seen[name]["installed"] or {}
        if before.get("by") == "dkms" and before["sha256"] == module["sha256"]:
            return  # it stays DKMS's
        if self._replaces_dkms(module):
            former = read_image(before["path"]) or b""
            _store.publish(self.release, name, self.seen[name]["fingerprint"], former, describe(former))
        if not (module.get("sent") or module["install"]) or _store.published(self.release, name, identity):
            return
        _store.publish(self.release, name, identity, self._image(module), self.images[name])

    def _replaces_dkms(self, module: dict[str, Any]) -> bool:
        """Whether another build takes the place of one that DKMS has made: that is kept, for the way back."""
        before = self.seen[module["name"]]
        other = before.get("fingerprint") not in (None, module["fingerprint"])
        return other and (before["installed"] or {}).get("by") == "dkms"

    def _noted(self, module: dict[str, Any]) -> dict[str, Any]:
        """Return the note of what was installed before; of what DKMS has built there is only what was seen."""
        name = module["name"]
        note, before = read_manifest(self.release, name), self.seen[name]
        if not self._replaces_dkms(module) or not before["fingerprint"]:
            return note
        said = {key: before["installed"][key] for key in ("sha256", "build_id")}
        return dict(note, fingerprint=before["fingerprint"], parameters=parameters_of(before), **said)

    def _stage(self, module: dict[str, Any]) -> None:
        """Write the image beside where it is to be installed: it takes its place only once it is proven."""
        path = staged_path(self.release, module["name"])
        self._remember(path)
        write_atomic(path, self._image(module))

    def _install(self, module: dict[str, Any]) -> None:
        """Put the image where the kernel's tools look for it."""
        path = installed_path(self.release, module["name"])
        self._remember(path)
        os.rename(staged_path(self.release, module["name"]), path)
        sync_dir(install_dir(self.release))

    @staticmethod
    def _image(module: dict[str, Any]) -> bytes:
        image: bytes | None = module.get("sent") or read_image(module["path"])
        if image is None:
            raise KmodError("%s is not there" % module["path"], "", "Build it anew")
        return image

    def _remember(self, *paths: str) -> None:
        for path in paths:
            self._former.setdefault(path, read_bytes(path))

    def _settle(self, module: dict[str, Any], decision: Decision) -> None:
        """What follows from success: the boot's files, the note of what is installed, old builds gone."""
        name = module["name"]
        if decision.boot:
            files = boot_files(module, self.seen[name])
            self._remember(*files)
            write_boot_files(files)
        if decision.purge and self.seen[name]["manifest"] and not module["install"]:
            _store.prune(self.release, name, self.seen[name]["manifest"])
        elif decision.purge:
            for release in (self.release, *self.seen[name]["elsewhere"]):
                _store.purge(release, name)
        elif module["install"] and decision.changes and (module["state"] in WANTED or module.get("note")):
            before = self._noted(module)
            note = module.get("note")
            manifest = settled(note) if note else next_manifest(module, self.seen[name], before)
            self._remember(manifest_path(self.release, name))
            write_json(manifest_path(self.release, name), manifest)
            _store.prune(self.release, name, manifest)

    def _put_back(self, decisions: dict[str, Decision]) -> list[str]:
        """Restore files and load what ran before, and assert that; return what could not be restored."""
        trouble: list[str] = []
        touched = [module for module in self.modules if decisions[module["name"]].changes]
        for module in reversed(touched):
            self._try(trouble, self._unload_new, module)
        for path in self._former:
            self._try(trouble, self._restore_file, path)
        for module in touched:
            self._try(trouble, self._load_former, module)
        for module in touched:
            self._try(trouble, self._prove_former, module)
        return trouble

    @staticmethod
    def _try(trouble: list[str], step: Any, what: Any) -> None:
        try:
            with _explained("Putting back"):
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
        shown = dict(module, path=path, log={}, parameters=parameters_of(before, image["parameters"]))
        noted = dict(shown, parameters=before["manifest"].get("parameters", {}))
        try:
            load(shown, image, self.timeout)
        except KmodError:  # what the kernel shows it does not always take again, under lockdown for instance
            if shown == noted:
                raise
            if _modules.load_state(name) == "live":
                unload(shown, self.timeout)
            load(noted, image, self.timeout)

    def _prove_former(self, module: dict[str, Any]) -> None:
        """Assert what the former module was proven by, or that nothing of the new one is left."""
        name, before, entries = module["name"], self.seen[module["name"]], module["gone"]
        if before["state"] == "live":
            note = read_manifest(self.release, name)
            entries = note.get("entries") if note.get("build_id") == before["build_id"] else None
        if entries:
            _must_hold(name, check_entries(entries, self.rules.limits))


def expected(module: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what must hold of a module in its wanted state; of one that is only prepared nothing can be seen yet."""
    if module["state"] == "prepared":
        return []
    entries: list[dict[str, Any]] = module["entries" if module["state"] == "loaded" else "gone"]
    return entries


def _must_hold(name: str, results: list[dict[str, Any]]) -> None:
    failing = [result["path"] for result in results if not result["holds"]]
    if failing:
        raise KmodError("%s does not hold what it must at %s" % (name, ", ".join(failing)))


def _described(path: str) -> dict[str, Any]:
    try:
        return describe(read_image(path) or b"")
    except KmodError:
        return {}


def write_boot_files(files: dict[str, str | None]) -> None:
    """Write or remove the files of modules-load.d and modprobe.d."""
    for path, text in files.items():
        if text is None:
            remove(path)
        else:
            write_atomic(path, text.encode())


def renew_index(release: str) -> None:
    """Run depmod for one kernel, so that modprobe and the boot find what was installed.

    Where nothing of a kernel is there but the index that we made for it ourselves, that goes as well.
    """
    folder = "%s/%s" % (_names.MODULES_DIR, release)
    make_dir(folder)
    left = os.listdir(folder)
    if all(entry.startswith("modules.") for entry in left) and "modules.builtin" not in left:
        for entry in left:
            remove("%s/%s" % (folder, entry))
        remove_empty_dirs(folder)
        return
    done = run(["depmod", release], 120)
    if done.status:
        raise KmodError("depmod failed for %s" % release, done.err.strip(), "Make room on the disk and run again")
