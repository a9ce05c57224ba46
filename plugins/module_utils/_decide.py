# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to be done for one module, and why: pure, so that check mode and tests ask the same code."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._load import drift
from ansible_collections.procfleet.procfs.plugins.module_utils._names import load_conf, options_conf
from ansible_collections.procfleet.procfs.plugins.module_utils._parameters import assignment, carried

# The states in which a module is to be there: in the kernel that runs, or in the one that is to be booted.
WANTED = ("loaded", "prepared")
# How the reasons begin that say nothing of what runs now.
AT_REST = ("build not installed", "modprobe would take ", "not so set for boot", "the next boot goes by ")


class Decision(NamedTuple):
    """What to do for one module; `reasons` says why, for people."""

    install: bool
    unload: bool
    load: bool
    boot: bool
    purge: bool
    reasons: list[str]

    @property
    def changes(self) -> bool:
        """Whether anything is to be done at all."""
        return any(self[:5])


def boot_files(wanted: dict[str, Any], seen: dict[str, Any]) -> dict[str, str | None]:
    """Return the files that make the next boot do with the module as now: path -> text, None for no file.

    What a contract says it depends on need not be what modules.dep knows, which has symbols only.
    """
    name, lines = wanted["name"], []
    load = wanted["state"] in WANTED and wanted["persist"]
    if load:
        words = " ".join(assignment(*pair) for pair in sorted(wanted["parameters"].items()))
        lines += ["options %s %s" % (name, words)] if words else []
        lines += ["softdep %s pre: %s" % (name, " ".join(wanted["depends"]))] if wanted["depends"] else []
    elif wanted["state"] == "unloaded" and _denied(wanted.get("note"), seen):
        lines.append("blacklist %s" % name)  # else a device that it is for would bring it back
    options = "".join("%s\n" % line for line in lines)
    return {load_conf(name): name + "\n" if load else None, options_conf(name): options or None}


def _denied(note: dict[str, Any] | None, seen: dict[str, Any]) -> bool:
    """Whether the boot is to leave the module out: on a way back as it was noted, else where a kernel could load it."""
    return bool(note.get("denied") if note else seen["resolves_to"] or seen["elsewhere"])


def decide(wanted: dict[str, Any], seen: dict[str, Any], types: dict[str, str]) -> Decision:
    """Return what brings a module from what was seen to what is wanted.

    :param wanted: {name, state, install, persist, sha256, build_id, fingerprint, parameters, depends}.
    :param seen: the module's state as `_modules.probe_modules` returns it.
    :param types: parameter -> kernel type, from the image.
    """
    if seen["state"] == "builtin":
        return Decision(False, False, False, False, False, ["built into the kernel"])
    if wanted["state"] == "prepared":
        install, boot, reasons = _decide_at_rest(wanted, seen)
        # By the note, what the kernel does not show will be compared after the boot.
        noted = seen["manifest"].get("parameters", wanted["parameters"])
        other = ["noted with other parameters"] if noted != wanted["parameters"] else []
        return Decision(install or bool(other), False, False, boot, False, reasons + other)
    if wanted["state"] == "loaded":
        return _decide_loaded(wanted, seen, types)
    live = seen["state"] != "absent"
    purge = wanted["state"] == "absent" and _has_files(wanted["install"], seen)
    boot = wanted["install"] and _set_otherwise(wanted, seen)
    # On the way back to a build that lay here and was not loaded.
    former = wanted["state"] == "unloaded" and wanted.get("note")
    install = bool(former) and (seen["installed"] or {}).get("sha256") != wanted["sha256"]
    found = (
        (live, "loaded"),
        (purge, "files there"),
        (boot, "set for boot" if seen["persist"]["load"] else "not so set for boot"),
        (install, "another build installed"),
    )
    return Decision(install, live, False, boot, purge, [text for true, text in found if true])


def _has_files(install: bool, seen: dict[str, Any]) -> bool:
    """Whether there is anything to remove; without `install` only builds that are not in use count."""
    if install:
        return bool(seen["installed"] or seen["manifest"] or seen["builds"] or seen["elsewhere"])
    kept = (seen["manifest"].get("fingerprint"), (seen["manifest"].get("former") or {}).get("fingerprint"))
    return bool(set(seen["builds"]) - set(kept))


def _decide_at_rest(wanted: dict[str, Any], seen: dict[str, Any]) -> tuple[bool, bool, list[str]]:
    """Return whether to install, whether to set for boot, and why: all that needs no loading."""
    install = wanted["install"] and (
        (seen["installed"] or {}).get("sha256") != wanted["sha256"] or seen["fingerprint"] != wanted["fingerprint"]
    )
    # Power was cut before depmod, or another file of that name goes before ours.
    unindexed = wanted["install"] and not install and seen["resolves_to"] != seen["installed"]["path"]
    boot = wanted["install"] and _set_otherwise(wanted, seen)
    # Nothing that we write would change it; it is told as drift, and refused where it would be mended.
    said = seen["modprobe"] if wanted["install"] and wanted["persist"] else []
    rest = ("", seen["resolves_to"] or "nothing", "", " and ".join(said))
    found = zip((install, unindexed, boot, said), AT_REST, rest)
    return install or unindexed, bool(boot or said), [text + more for true, text, more in found if true]


def _set_otherwise(wanted: dict[str, Any], seen: dict[str, Any]) -> bool:
    """Whether our files for the next boot are others than they are to be."""
    load, options = boot_files(wanted, seen).values()
    return bool(seen["persist"] != {"load": load is not None, "options": options})


def _decide_loaded(wanted: dict[str, Any], seen: dict[str, Any], types: dict[str, str]) -> Decision:
    install, boot, reasons = _decide_at_rest(wanted, seen)
    if seen["state"] != "live":
        state = "not loaded" if seen["state"] == "absent" else "neither loaded nor gone, but %s" % seen["state"]
        return Decision(install, False, True, boot, False, [*reasons, state])
    stale = load_reasons(wanted, seen, types)
    return Decision(install, bool(stale), bool(stale), boot, False, reasons + stale)


def parameters_of(seen: dict[str, Any], types: dict[str, str] | None = None) -> dict[str, str]:
    """Return the parameters that load a module as it runs now: as the kernel shows them, else as they were noted.

    What it shows is not always what it takes: nothing for an array that was not given, whatever a getter of one's own
    has written, which has no type.
    :param types: parameter -> kernel type, from the image, where that is known.
    """
    noted = seen["manifest"].get("parameters", {})
    shown = {
        name: value
        for name, value in seen["parameters"].items()
        if value not in (None, "(null)", "") and carried(value) and (name in noted or types is None or types.get(name))
    }
    return {**noted, **shown}


def load_reasons(wanted: dict[str, Any], seen: dict[str, Any], types: dict[str, str]) -> list[str]:
    """Return why a loaded module must be loaded anew: another image, or other parameters."""
    reasons = []
    if seen["build_id"] != wanted["build_id"]:
        reasons.append("another image loaded (build-id %s)" % (seen["build_id"] or "unknown"))
    recorded = seen["manifest"].get("parameters", {})
    # A parameter that the kernel does not show is compared with the note of the last load.
    visible = dict(recorded, **{name: value for name, value in seen["parameters"].items() if value is not None})
    return reasons + drift(wanted["parameters"], visible, types)
