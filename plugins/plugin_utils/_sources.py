# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources go out to the host that builds, and what it made of them comes back."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._names import normalise
from ansible_collections.procfleet.procfs.plugins.plugin_utils._archive import pack
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import explain


def well_formed(modules: Any) -> bool:
    """Say whether it is a list of modules with names and folders."""
    return isinstance(modules, list) and all(
        isinstance(one, dict) and {"name", "folder"} <= set(one) for one in modules
    )


def packed(asked: dict[str, Any], named: bool, fetch: bool) -> dict[str, Any]:
    """Return what `kmod_build` is asked for, with the sources, and a fingerprint where none was given.

    :param named: whether each must have one.
    :param fetch: whether the images are to come back.
    :raises KmodError: when there are no sources, or no fingerprint.
    """
    modules = asked["modules"]
    if named and not all(one.get("fingerprint") for one in modules):
        raise KmodError("The store needs a `fingerprint` of each module", "sources alone do not name a build")
    try:
        archive = pack({one["name"]: Path(str(one["folder"])) for one in modules})
    except (KmodError, OSError) as error:
        raise KmodError("The sources cannot be packed", str(error)) from error
    identity = hashlib.sha256(archive.encode()).hexdigest()
    modules = [{"fingerprint": identity, **one} for one in modules]
    return {**asked, "modules": modules, "archive": archive, **({"fetch": True} if fetch else {})}


def received(result: dict[str, Any], asked: dict[str, Any], store: ImageStore | None, host: str) -> None:
    """Take the images out of a result of `kmod_build`, and keep them if there is a store.

    :param asked: the arguments that brought the result.
    :raises KmodError: when another build came, or a damaged one, or the store cannot be written.
    """
    explain(result, host, asked.get("packages") or [], str(asked.get("manager")))
    images = _mapping(result.pop("images", None))
    if store:
        _keep(store, result, images, fingerprints(asked), host)


def _keep(store: ImageStore, result: dict[str, Any], images: dict[str, Any], asked: dict[str, str], host: str) -> None:
    """Put what was built into the store, and why something was not.

    What a builder says is not believed: it is asked for some builds, and nothing else is kept.
    """
    built, bad = _mapping(result.get("modules")), _mapping(result.get("failed_modules"))
    for name, fingerprint in asked.items():
        if name in images:
            record = _mapping(built.get(name))
            if record.get("fingerprint") != fingerprint:
                raise KmodError(f"{host} sent another build of {name} than it was asked for", "", "Run again")
            store.put(name, fingerprint, images[name], record.get("sha256", ""))
        elif name in bad and isinstance(bad[name], list):
            log = f"The compiler's full log is {result.get('log')} there"
            store.note_failure(name, fingerprint, host, [*map(str, bad[name]), log])
        elif result.get("failed"):
            store.note_failure(name, fingerprint, host, [str(result.get("msg", "no message"))])


def note_all(store: ImageStore | None, asked: dict[str, Any], host: str, said: str) -> None:
    """Note for those who wait why nothing came of what was asked; what is in the store by now needs no note."""
    if store is None:
        return
    for name, fingerprint in fingerprints(asked).items():
        with contextlib.suppress(KmodError):  # the store may be what fails; the task says so
            if store.get(name, fingerprint) is None:
                store.note_failure(name, fingerprint, host, [said])


def spared(result: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Return a result of `kmod_build` that failed as a whole as one in which no module builds: the host goes on."""
    said = str(result.get("msg", "no message"))
    kept = {key: value for key, value in result.items() if key != "exception"}
    failed = {name: [said] for name in fingerprints(asked)}
    return {**kept, "failed": False, "modules": {}, "failed_modules": failed, "unbuilt": said}


def fingerprints(asked: dict[str, Any]) -> dict[str, str]:
    """Return name -> fingerprint of what a host is asked to build."""
    return {normalise(one["name"]): one.get("fingerprint", "") for one in asked["modules"]}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
