# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fleet that does not exist: the results that its hosts' steps would have returned, in their real shapes."""

from __future__ import annotations

import hashlib
from typing import Any

from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import Run, record

MODULES = ("proc_demo", "simpledriver", "procDriver", "netwatch", "thermal_probe")
RELEASES = ("6.1.0-40-cloud-amd64", "6.12.0-9-cloud-amd64")
DIFF = (
    "--- expected\n+++ found\n@@ first difference: line 3, column 9 @@\n Hello from kernel space!\n"
    " Module: proc_demo\n-Status: Running and happy\n+Status: Running and <b>sad</b>"
)
SSH = "Failed to connect to the host via ssh: ssh: connect to host 10.0.0.7 port 22: No route to host"
RUN = Run("playbooks/status.yml", "2026-11-22T10:00:00Z", "2026-11-22T10:03:20Z")


def digest(*words: object) -> str:
    """Return 64 hexadecimal digits that stand for some content."""
    return hashlib.sha256(repr(words).encode()).hexdigest()


def seen_module(name: str, release: str, **changes: Any) -> dict[str, Any]:
    """Return how kmod_info sees a module that is as wanted."""
    identity = digest(name, release)
    image = {"path": f"/lib/modules/{release}/updates/procfleet/{name}.ko", "sha256": digest(identity)}
    return {
        "state": "live",
        "parameters": {"mode": "0600"} if name == "simpledriver" else {},
        "build_id": identity[:40],
        "installed": {**image, "build_id": identity[:40], "vermagic": f"{release} SMP mod_unload", "by": "procfleet"},
        "fingerprint": identity,
        **changes,
    }


def entry(path: str, *failures: dict[str, str]) -> dict[str, Any]:
    """Return proc_assert's result for one entry."""
    return {"path": path, "holds": not failures, "failures": list(failures), "seconds": 0.002, "content": "x" * 60}


def failure(check: str, expected: str, found: str, diff: str = "") -> dict[str, str]:
    """Return one failed check of an entry."""
    return {"check": check, "expected": expected, "found": found, "diff": diff, "todo": ""}


def paths(name: str) -> list[str]:
    """Return what a module's contract asks for."""
    return [f"/proc/{name}", f"/proc/{name}/value", f"/sys/module/{name}/notes/.note.gnu.build-id"]


def results(names: tuple[str, ...] = MODULES, release: str = RELEASES[0]) -> dict[str, dict[str, Any]]:
    """Return the steps' results on a host on which all is as wanted."""
    kernel = {"release": release, "running": release, "arch": "x86_64", "taint": {"value": 12288, "flags": "OE"}}
    kernel["compiler"] = {"name": "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"}
    return {
        "contract": {"names": list(names), "kconfig": []},
        "seen": {"kernel": kernel, "modules": {name: seen_module(name, release) for name in names}, "seconds": 0.4},
        "plan": {
            "depends": {name: [] for name in names},
            "build": [{"name": name, "fingerprint": digest(name, release)} for name in names],
            "fingerprints": {name: digest(name, release) for name in names},
            "entries": {name: [{"path": path, "state": "present"} for path in paths(name)] for name in names},
            "reasons": {},
            "modules": [],
        },
        "built": {"skipped": True},
        "loaded": {"skipped": True},
        "asserted": {"entries": [entry(path) for name in names for path in paths(name)], "failed_entries": []},
    }


def troubled(index: int, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the results of the index-th host: most are well, each kind of trouble is there in a large fleet."""
    done = results(names, RELEASES[index % 2])
    release, name = RELEASES[index % 2], names[index % len(names)]
    if index % 40 == 7:
        return {"contract": done["contract"], "seen": {"unreachable": True, "msg": SSH}}
    if index % 40 == 11:
        kernel, line = done["seen"]["kernel"], names[0]
        kernel["taint"] = {"value": 12288 + 512, "flags": "WOE"}
        text = "exactly three lines"
        _fail(done, line, failure("equals", text, text, DIFF), failure("mode", "0444", "0644"))
        done["loaded"] = {"modules": {}, "failed_modules": {}, "taint": {"value": 0, "flags": "LWOE"}}
    if index % 25 == 3:
        done["seen"]["modules"][name]["parameters"] = {"mode": "0644"}
        done["plan"]["reasons"][name] = ["parameter mode is 0644, wanted 0600"]
    if index % 50 == 21:
        done["plan"]["reasons"][name] = ["build not installed", "another image loaded (build-id 5f1d9a0c)"]
        done["seen"]["modules"][name] = seen_module(name, release, fingerprint=None, build_id=digest("old")[:40])
    if index % 60 == 30:
        done["plan"]["reasons"][name] = ["build not installed", "not loaded"]
        done["seen"]["modules"][name] = seen_module(
            name, release, state="absent", installed=None, fingerprint=None, build_id=None, parameters={}
        )
    if index % 90 == 45:
        error = f"{name}.c:41:5: error: implicit declaration of function 'proc_creat'"
        done["built"] = {"failed_modules": {name: [error]}, "log": "/var/lib/procfleet/build.log", "seconds": 61.5}
        left = [{**entry(path), "module": other} for other in names if other != name for path in paths(other)]
        done["loaded"] = {"modules": {}, "failed_modules": {name: {"msg": f"{name} does not build", "sent": False}}}
        done["loaded"]["asserted"] = {"entries": left, "failed_entries": [], "explanation": ""}
        done["asserted"] = {"skipped": True}
    return done


def _fail(done: dict[str, Any], name: str, *failures: dict[str, str]) -> None:
    done["asserted"]["entries"][0] = entry(paths(name)[0], *failures)
    done["asserted"].update(failed_entries=[paths(name)[0]], explanation=f"{paths(name)[0]} does not hold")


def waves(names: list[str]) -> tuple[dict[str, Any], ...]:
    """Return three waves over the named hosts, of which the last has not begun."""
    first, second = max(1, len(names) // 100), max(2, len(names) // 4)
    return (
        {"name": "canary", "hosts": names[:first], "started": "2026-11-22T10:00:02Z", "seconds": 41, "outcome": "done"},
        {"name": "a quarter", "hosts": names[first:second], "started": "2026-11-22T10:00:50Z", "seconds": 140,
         "outcome": "returned"},
        {"name": "the rest", "hosts": names[second:], "started": None, "seconds": 0, "outcome": "pending"},
    )  # fmt: skip


def fleet(size: int, modules: int = 5) -> dict[str, Any]:
    """Return the record of a fleet of that size, with troubles and waves."""
    names = [f"web{index + 1:04}.example.org" for index in range(size)]
    parts = [host_part(name, troubled(index, MODULES[:modules])) for index, name in enumerate(names)]
    stopped = f"the wave `a quarter` did not pass: {names[min(1, size - 1)]}: proc_demo does not hold what it must"
    return record(parts, RUN._replace(waves=waves(names), stopped=stopped))
