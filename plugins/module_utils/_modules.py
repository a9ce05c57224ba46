# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of each module on this host: in the kernel, on the disk, at the next boot."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _names
from ansible_collections.procfleet.procfs.plugins.module_utils._bounded import read_texts
from ansible_collections.procfleet.procfs.plugins.module_utils._dkms_trees import registered
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import build_id, describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_bytes, read_text, sha256
from ansible_collections.procfleet.procfs.plugins.module_utils._manifest import read_manifest, summary
from ansible_collections.procfleet.procfs.plugins.module_utils._modprobe import said_elsewhere
from ansible_collections.procfleet.procfs.plugins.module_utils._names import (
    installed_path,
    load_conf,
    module_of,
    normalise,
    options_conf,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._store import elsewhere, fingerprints

SYS_MODULE = "/sys/module"
PROC_MODULES = "/proc/modules"
PARAMETER_SECONDS = 5.0
# /proc/modules has words of its own for what /sys/module/<name>/initstate says.
_STATES = {"Live": "live", "Loading": "coming", "Unloading": "going"}


def parse_proc_modules(text: str) -> dict[str, dict[str, Any]]:
    """Return /proc/modules as name -> {size, refcnt, holders, state, taint}; size in bytes."""
    modules = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 5:
            continue
        modules[fields[0]] = {
            "size": int(fields[1]),
            "refcnt": int(fields[2]) if fields[2] != "-" else 0,
            "holders": [name for name in fields[3].split(",") if name not in ("", "-", "[permanent]")],
            "state": _STATES.get(fields[4], fields[4].lower()),
            "taint": fields[6].strip("()") if len(fields) > 6 else "",
        }
    return modules


def live_names() -> set[str]:
    """Return the names of all modules that the kernel has now."""
    return set(parse_proc_modules(read_text("/proc/modules") or ""))


def probe_modules(names: list[str], release: str, running: bool = True) -> dict[str, dict[str, Any]]:
    """Return the state of each named module, with one reading of what they share.

    :param running: whether the kernel of that release runs; in any other, nothing is loaded.
    """
    live = parse_proc_modules(read_text(PROC_MODULES) or "") if running else {}
    builtin = _names_in(read_text("%s/%s/modules.builtin" % (_names.MODULES_DIR, release)) or "")
    index = read_text("%s/%s/modules.dep" % (_names.MODULES_DIR, release), 1 << 23) or ""
    resolved, said = _resolve(index, names), said_elsewhere(names)
    shown = parameters([name for name in names if name in live or name in builtin] if running else [])
    return {
        name: dict(
            _in_kernel(name, live.get(name), name in builtin, running),
            parameters=shown.get(name, {}),
            **_at_rest(name, release, resolved.get(name)),
            modprobe=said[name],
        )
        for name in names
    }


def _in_kernel(name: str, live: dict[str, Any] | None, builtin: bool, running: bool) -> dict[str, Any]:
    idle: dict[str, Any] = {
        "state": "builtin" if builtin else "absent",
        "size": 0,
        "refcnt": 0,
        "holders": [],
        "taint": "",
    }
    return dict(
        live or idle,
        version=_sys(name, "version") if running else None,
        build_id=loaded_build_id(name) if running else None,
    )


def _at_rest(name: str, release: str, path: str | None) -> dict[str, Any]:
    manifest = read_manifest(release, name)
    resolves_to = path and os.path.join(_names.MODULES_DIR, release, path)
    installed, dkms = _installed(release, name, manifest), None
    if registered(name):
        # Here, because most hosts have nothing of it.
        from ansible_collections.procfleet.procfs.plugins.module_utils import _dkms

        dkms = _dkms.probe(name)
        if not installed["installed"]:
            installed.update(_dkms.installed(name, release, resolves_to, dkms))
    return dict(
        **installed,
        resolves_to=resolves_to,
        dkms=dkms,
        persist=persisted(name),
        builds=fingerprints(release, name),
        elsewhere=elsewhere(release, name),
        manifest=summary(manifest),
    )


def _installed(release: str, name: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """The installed file, believed only as far as its own bytes go."""
    path = installed_path(release, name)
    image = read_bytes(path)
    if image is None:
        return {"installed": None, "fingerprint": None}
    digest = sha256(image)
    try:
        said = describe(image)
    except KmodError:
        said = {}
    whole = digest == manifest.get("sha256")
    return {
        "installed": {
            "path": path,
            "sha256": digest,
            "build_id": said.get("build_id"),
            "vermagic": said.get("vermagic"),
            "by": "procfleet",
        },
        "fingerprint": manifest.get("fingerprint") if whole else None,
    }


def _resolve(index: str, names: list[str]) -> dict[str, str]:
    """Return where modprobe would take each module from, by modules.dep."""
    found = {}
    wanted = set(names)
    for line in index.splitlines():
        path = line.partition(":")[0]
        name = module_of(path)
        if name in wanted:
            found[name] = path
    return found


def _names_in(listing: str) -> set[str]:
    return {module_of(path) for path in listing.splitlines()}


def _sys(name: str, attribute: str) -> str | None:
    return _stripped(read_text("%s/%s/%s" % (SYS_MODULE, name, attribute), 4096))


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()


def parameters(names: list[str]) -> dict[str, dict[str, str | None]]:
    """Return the parameters that each loaded module shows; None for one that may not be read.

    The module's own code may answer, and may never do so.
    """
    folders = {name: "%s/%s/parameters" % (SYS_MODULE, name) for name in names}
    paths = {name: ["%s/%s" % (folder, one) for one in _listed(folder)] for name, folder in folders.items()}
    texts = read_texts([path for of_one in paths.values() for path in of_one], 4096, PARAMETER_SECONDS)
    return {name: {os.path.basename(path): _stripped(texts[path]) for path in paths[name]} for name in names}


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def loaded_build_id(name: str) -> str | None:
    """Return the build-id of the image that the kernel runs; None if it is not loaded or has none."""
    note = read_bytes("%s/%s/notes/.note.gnu.build-id" % (SYS_MODULE, name), 4096)
    return build_id(note) if note else None


def holders(name: str) -> list[str]:
    """Return the loaded modules that use this one."""
    try:
        return sorted(normalise(holder) for holder in os.listdir("%s/%s/holders" % (SYS_MODULE, name)))
    except OSError:
        return []


def load_state(name: str) -> str:
    """Return `live`, `coming`, `going`, or `absent`, as the kernel says now."""
    return _sys(name, "initstate") or "absent"


def persisted(name: str) -> dict[str, Any]:
    """Return what our files say of the next boot: {load: is it loaded, options: the modprobe.d text or None}.

    `load` is None where somebody has left our file there without its line.
    """
    said = read_text(load_conf(name))
    load = False if said is None else True if name in said.splitlines() else None
    return {"load": load, "options": read_text(options_conf(name))}
