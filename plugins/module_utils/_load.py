# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Into the kernel and out of it again: one module, bounded, explained."""

from __future__ import annotations

from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _modules
from ansible_collections.procfleet.procfs.plugins.module_utils._command import run
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._holders import name_tasks, tasks_inside, wait_for_tasks
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import gained_taint, taint
from ansible_collections.procfleet.procfs.plugins.module_utils._kmsg import KernelLog, Record, faults
from ansible_collections.procfleet.procfs.plugins.module_utils._parameters import assignment, same_value

# insmod's words for the kernel's errors -> what to do about them.
_HINTS = (
    ("Key was rejected", "The kernel trusts no key that signed it: sign the build with an enrolled one"),
    ("Required key not available", "The kernel wants a signature: sign the build with an enrolled key"),
    ("Operation not permitted", "The kernel is locked down, takes no more modules, or has it in `module_blacklist`"),
    ("Invalid module format", "It was built for another kernel: build it for this release"),
    ("Unknown symbol", "Load the module that exports the symbol first: name it in `depends`"),
    ("Invalid parameters", "Mend the parameter that the kernel's log names"),
    ("File exists", "A module of this name is loaded or built in"),
    ("Device or resource busy", "A module of this name is still leaving: reboot"),
)


def load(module: dict[str, Any], image: dict[str, Any], timeout: float) -> list[str]:
    """Load one module and see that the kernel runs just this image; return what the kernel said.

    :param module: {name, path, parameters, foreign, brought, log}; what is loaded for it is added to `brought`.
    :param image: what the file says of itself, from `_elf.describe`.
    :raises KmodError: with the kernel's own lines, when it does not load, or loads and warns.
    """
    name = module["name"]
    before = taint()["flags"]
    with KernelLog() as log:
        _modprobe(module, timeout)
        words = [assignment(*pair) for pair in sorted(module["parameters"].items())]
        done = run(["insmod", module["path"], *words], timeout)
        records = log.read()
    lines = [record.text for record in records]
    if done.status:
        raise KmodError(
            "%s does not load" % name,
            "%s; the kernel says: %s" % (_last_line(done.err), " | ".join(lines[-5:]) or "nothing"),
            next((hint for words_of, hint in _HINTS if words_of in done.err), "Read the kernel's lines above"),
            log=lines,
        )
    _check_loaded(module, image)
    check_calm(name, "it was loaded", before, records)
    _check_log(name, "load", module["log"].get("load", []), lines)
    return lines


def unload(module: dict[str, Any], timeout: float) -> list[str]:
    """Unload one module; return what the kernel said.

    A module with a reader inside is not touched before the reader has left: `rmmod` would sleep for
    ever and leave the module `going`, which only a reboot mends.
    :raises KmodError: naming the modules or processes that hold it.
    """
    name = module["name"]
    users = _modules.holders(name)
    if users:
        raise KmodError("%s is in use by %s" % (name, ", ".join(users)), "", "Unload %s first" % " and ".join(users))
    tasks = wait_for_tasks(name, timeout)
    if tasks:
        raise KmodError(
            "%s cannot be unloaded: inside it is %s" % (name, name_tasks(tasks)),
            "it was not touched, and runs on",
            "End the process, then run again",
        )
    with KernelLog() as log:
        _rmmod(name, timeout)
        lines = [record.text for record in log.read()]
    _check_log(name, "unload", module["log"].get("unload", []), lines)
    return lines


def drop_unneeded(names: tuple[str, ...], timeout: float) -> None:
    """Unload modules of the kernel's own that were loaded for ours; one that something uses stays."""
    for _round in names:
        for name in names:
            if _modules.load_state(name) == "live" and not _modules.holders(name):
                run(["rmmod", name], timeout)


def _rmmod(name: str, timeout: float) -> None:
    try:
        done = run(["rmmod", name], timeout)
    except KmodError as error:
        if not error.details.get("timed_out"):
            raise
        raise KmodError(
            "Unloading %s did not end within %g s; its state is `%s`" % (name, timeout, _modules.load_state(name)),
            "inside it is %s" % (name_tasks(tasks_inside(name)) or "nobody that the kernel shows"),
            "It may end later; if the state stays `going`, reboot the host",
        ) from None
    if done.status or _modules.load_state(name) != "absent":
        raise KmodError("%s cannot be unloaded" % name, _last_line(done.err), "See who uses it: `lsmod`, `lsof`")


def _modprobe(module: dict[str, Any], timeout: float) -> None:
    """Load what the module needs of the kernel's own, and note all that came along with it."""
    for needed in module["foreign"]:
        before = _modules.live_names()
        done = run(["modprobe", needed], timeout)
        module["brought"].update(_modules.live_names() - before)
        if done.status:
            raise KmodError("%s needs %s, which does not load" % (module["name"], needed), _last_line(done.err))


def _check_loaded(module: dict[str, Any], image: dict[str, Any]) -> None:
    """The kernel runs this very image with these very parameters."""
    name = module["name"]
    state, running = _modules.load_state(name), _modules.loaded_build_id(name)
    if state != "live" or running != image["build_id"]:
        raise KmodError(
            "%s is not what was loaded" % name,
            "state %s, build-id %s; wanted live, %s" % (state, running, image["build_id"]),
            "Another module of this name is in the way",
        )
    drifted = drift(module["parameters"], _modules.parameters([name])[name], image["parameters"])
    if drifted:
        raise KmodError("%s did not take its parameters" % name, "; ".join(drifted), "Correct the values")


def check_calm(name: str, step: str, before: str, records: list[Record]) -> None:
    """Refuse a kernel that warned or faulted meanwhile; `before` are the flags of its taint until then.

    A flag that is set already is not gained again; then only the log tells of one more warning.
    """
    gained = gained_taint(before, taint()["flags"])
    if gained or faults(records):
        shown = faults(records) or [record.text for record in records[-8:]]
        raise KmodError(
            "%s made the kernel warn or fault as %s" % (name, step),
            "taint gained %s; the kernel says: %s" % (gained or "nothing new", " | ".join(shown)),
            "Mend the module, and reboot this host before it is trusted again",
            reboot_needed=True,
        )


def _check_log(name: str, step: str, expected: list[str], lines: list[str]) -> None:
    silent = [text for text in expected if not any(text in line for line in lines)]
    if silent:
        raise KmodError(
            "The kernel's log lacks %r after %s of %s" % (silent[0], step, name),
            "it says: %s" % (" | ".join(lines[-5:]) or "nothing"),
            "Mend the module or `log` in its kmod.yml",
        )


def drift(wanted: dict[str, str], seen: dict[str, str | None], types: dict[str, str]) -> list[str]:
    """Return `parameter mode is 384 instead of 0644` for each visible parameter whose value differs."""
    found = []
    for name in sorted(wanted):
        value = seen.get(name)
        if value is not None and not same_value(types.get(name, ""), wanted[name], value):
            found.append("parameter %s is %s instead of %s" % (name, value, wanted[name]))
    return found


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
