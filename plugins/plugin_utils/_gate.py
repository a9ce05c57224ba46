# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate after each wave: what its hosts' steps returned decides whether the next one begins, and who goes back.

A rollout is a plain value that travels from task to task: {id, waves, open, stopped, trouble, back}. `open` is the
index of the wave that may be worked on, None when there is none; a gate that is never reached leaves it where it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import gained_taint
from ansible_collections.procfleet.procfs.plugins.module_utils._kmod import groups
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import (
    NONSENSE,
    by_module,
    failing_modules,
    lost,
    named,
    senseless,
)

Steps = dict[str, dict[str, Any]]
Rollout = dict[str, Any]


def begin(identity: str, waves: list[tuple[str, list[str]]], now: str) -> Rollout:
    """Return a rollout of which nothing is done yet. Times are UTC, `2026-11-22T10:00:00Z`."""
    begun = [
        {"name": name, "hosts": hosts, "started": None, "seconds": 0, "outcome": "pending", "index": index}
        for index, (name, hosts) in enumerate(waves)
    ]
    rollout: Rollout = {"id": identity, "waves": begun, "open": None, "stopped": "", "trouble": {}, "back": {}}
    return _opened(rollout, 0, now)


def decide(rollout: Rollout, results: dict[str, Steps], tolerance: int, rollback: bool, now: str) -> Rollout:
    """Return the rollout after the gate of its open wave.

    :param results: each host of that wave -> what its steps returned: plan, loaded, asserted, registered, watched; and
        `own`, the host's own {state, rollback}.
    :param tolerance: how many hosts may fail.
    :param rollback: whether hosts go back at all.
    """
    index = rollout["open"]
    wave = rollout["waves"][index]
    results = {host: understood(steps) for host, steps in results.items()}
    found = {host: trouble(steps) for host, steps in results.items()}
    bad = {host: lines for host, (lines, _culprits) in found.items() if lines}
    # A wave of which nobody came so far has proven nothing.
    stopped = len(bad) > tolerance or not any(_took_part(steps) for steps in results.values())
    culprits = {name for _lines, names in found.values() for name in names}
    concerned = results if stopped else {host: results[host] for host in bad}
    ways = {host for host, steps in results.items() if rollback and _has_way_back(steps)}
    back = {host: undone(steps, culprits) for host, steps in concerned.items() if host in ways}
    closed = {**wave, "seconds": _seconds(wave["started"], now), "outcome": "failed" if stopped else "done"}
    after = {
        **rollout,
        "waves": [closed if one["index"] == index else one for one in rollout["waves"]],
        "open": None,
        "rollback": ways == set(results),
        "trouble": {**rollout["trouble"], **bad},
        "back": {**rollout["back"], **{host: names for host, names in back.items() if names}},
    }
    if stopped:
        return {**after, "stopped": f"the wave `{wave['name']}` did not pass: {_why(bad)}"}
    return _opened(after, index + 1, now)


def understood(steps: Steps) -> Steps:
    """Return a host's steps; where they cannot be read, as if the host had been lost while it loaded.

    One host that talks nonsense must not keep the gate from sending the others back.
    """
    try:
        undone(steps, trouble(steps)[1])
    except NONSENSE as error:
        return {**steps, "loaded": senseless(error)}
    return steps


def trouble(steps: Steps) -> tuple[list[str], set[str]]:
    """Return why a host does not pass, in lines, and the modules that may be at fault: all, where nobody can tell.

    `steps` are such as `_report.sane` lets through.

    What was never sent to the host (it did not build, it does not fit) has changed nothing there, and is no fault here.
    """
    everything = set(steps["plan"].get("depends") or {})
    made = ("rebooted", "loaded", "asserted", "registered", "watched")
    gone = [text for step in made for text in lost(steps.get(step) or {})]
    if gone:
        return gone[:1], everything
    failed = failing_modules(steps)
    lines = [named(name, text) for name, text in failed.items()]
    noticed, suspects = _noticed(steps, everything)
    return lines + _not_back(steps) + noticed, set(failed) | suspects


def _not_back(steps: Steps) -> list[str]:
    """Return what a reboot has not brought back by itself; the kernel may not be worse off than the one before."""
    if not (steps.get("rebooted") or {}).get("rebooted"):
        return []
    modules, before = steps["loaded"].get("modules") or {}, steps["seen"]["kernel"]["taint"]["flags"]
    lines = [
        f"{name} did not come back by itself: {'; '.join(one['reasons'])}"
        for name, one in modules.items()
        if one["changed"]
    ]
    gained = gained_taint(before, steps["loaded"]["taint"]["flags"])
    said = "; ".join(steps["loaded"]["faults"][:3])
    return lines + (
        [f"the kernel has taint {gained} after the reboot: {said or 'its log says no more'}"] if gained else []
    )


def _noticed(steps: Steps, everything: set[str]) -> tuple[list[str], set[str]]:
    """Return what the second look after the soak found, and whose fault it may be."""
    watched = steps.get("watched") or {}
    if watched.get("skipped") or not watched.get("modules") or not steps["loaded"].get("modules"):
        return [], set()
    drifted = {name: one["reasons"] for name, one in watched["modules"].items() if one["changed"]}
    for name, results in by_module(steps, "watched").items():
        paths = [one["path"] for one in results if not one["holds"]]
        drifted.update({name: [f"{', '.join(paths)} does not hold any more"]} if paths else {})
    lines = [f"{name} did not last: {'; '.join(reasons)}" for name, reasons in drifted.items()]
    faults = [f"the kernel says: {text}" for text in watched["faults"][:3]]
    gained = gained_taint(steps["loaded"]["taint"]["flags"], watched["taint"]["flags"])
    faults += [f"the kernel gained taint {gained}"] if gained else []
    faults += ["the host was started anew meanwhile"] if steps["loaded"]["boot_id"] != watched["boot_id"] else []
    return lines + faults, everything if faults else set(drifted)


def undone(steps: Steps, culprits: set[str]) -> list[str]:
    """Return the modules that a host takes back: those at fault that it changed, with all that depends on each other.

    Of a host that was lost nobody knows what it changed; it is asked to take back whatever came with this rollout.
    """
    depends = steps["plan"].get("depends") or {}
    loaded = steps.get("loaded") or {}
    together = {name for group in groups(depends, list(depends)) if culprits & set(group) for name in group}
    if lost(loaded):
        return [name for name in depends if name in together]
    changed = {name for name, one in (loaded.get("modules") or {}).items() if one["changed"]}
    changed |= {name for name, one in (loaded.get("failed_modules") or {}).items() if one.get("restored") is False}
    changed |= {name for name, one in ((steps.get("registered") or {}).get("modules") or {}).items() if one["changed"]}
    return [name for name in depends if name in together & changed]


def closed_waves(rollout: Rollout, results: dict[str, Steps]) -> list[dict[str, Any]]:
    """Return the waves as the record has them; a failed one whose hosts are all as before is `returned`.

    One that still runs never came to its gate.
    """
    waves = []
    for wave in rollout.get("waves") or []:
        one = {key: value for key, value in wave.items() if key != "index"}
        if one["outcome"] == "running":
            one["outcome"] = "failed"
        elif (
            one["outcome"] == "failed"
            and rollout.get("rollback")
            and all(as_before(results.get(host, {}), host in rollout["back"]) for host in one["hosts"])
        ):
            one["outcome"] = "returned"
        waves.append(one)
    return waves


def as_before(steps: Steps, asked: bool) -> bool:
    """Whether nothing of a failed rollout is left on a host: what failed was put back, or went back when asked to."""
    try:
        return _as_before(steps, asked)
    except NONSENSE:  # of such an answer nobody knows
        return False


def _as_before(steps: Steps, asked: bool) -> bool:
    loaded, back = steps.get("loaded") or {}, _way_back(steps)
    if lost(loaded) or lost(steps.get("asserted") or {}) or back["failed_modules"]:
        return False
    if asked and back["unknown"]:
        return False
    failed = (loaded.get("failed_modules") or {}).items()
    undone = {name for name, one in failed if one.get("restored") or not one.get("sent", True)}
    return set(failing_modules(steps)) <= undone | set(back["modules"])


def _way_back(steps: Steps) -> dict[str, Any]:
    """Return what came of the way back in the kernel and with DKMS, as one result; `unknown` says why nobody can tell.

    A host that changed nothing in one of the two is not asked about it.
    """
    made = [steps.get(step) or {} for step in ("returned", "reverted")]
    made = [one for one in made if one and not one.get("skipped")]
    unknown = [text for one in made if "modules" not in one for text in lost(one) or ["the run did not get so far"]]
    return {
        "modules": {name: one for each in made for name, one in (each.get("modules") or {}).items()},
        "failed_modules": {name: one for each in made for name, one in (each.get("failed_modules") or {}).items()},
        "unknown": unknown if made else ["the run did not get so far"],
    }


def _opened(rollout: Rollout, index: int, now: str) -> Rollout:
    if index >= len(rollout["waves"]):
        return rollout
    running = {**rollout["waves"][index], "started": now, "outcome": "running"}
    return {**rollout, "open": index, "waves": [running if one["index"] == index else one for one in rollout["waves"]]}


def _has_way_back(steps: Steps) -> bool:
    """Whether a host goes back where its wave fails; out of the kernel there is no way back."""
    own = (steps.get("contract") or {}).get("own") or {}
    return bool(own.get("rollback", True)) and own.get("state", "loaded") == "loaded"


def _took_part(steps: Steps) -> bool:
    """Whether a host has come to its wave at all; who failed before has no results there."""
    return bool(steps.get("loaded") or steps.get("asserted"))


def _why(bad: dict[str, list[str]]) -> str:
    if not bad:
        return "none of its hosts came so far"
    host, lines = next(iter(bad.items()))
    more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
    return f"{host}{more}: {lines[0].partition(chr(10))[0]}"


def _seconds(started: str, now: str) -> int:
    begun, ended = (datetime.fromisoformat(time) for time in (started, now))
    return round((ended - begun).total_seconds())


def wave_of(rollout: Rollout, host: str) -> dict[str, Any] | None:
    """Return a host's wave; None where it has none."""
    return next((wave for wave in rollout.get("waves") or [] if host in wave["hosts"]), None)


def touched(rollout: Rollout, host: str, steps: Steps) -> Steps:
    """Return a host's steps without results that are not of this rollout: its wave was not reached, or did not go back.

    A registered result stays, and a playbook may run the role more than once.
    """
    wave = wave_of(rollout, host)
    dropped: Iterable[str] = ()
    if wave and wave["outcome"] == "pending":
        dropped = ("rebooted", "loaded", "asserted", "registered", "watched", "returned", "reverted")
    elif host not in (rollout.get("back") or {}):
        dropped = ("returned", "reverted")
    return {step: {} if step in dropped else result for step, result in steps.items()}


def fate(rollout: Rollout, host: str, steps: Steps) -> list[str]:
    """Return what the rollout took from a host again, in lines for people: what went back, and what could not."""
    names = (rollout.get("back") or {}).get(host)
    if not names:
        return []
    back = _way_back(steps)
    if back["unknown"]:
        said = f"Whether {', '.join(names)} went back is not known: {back['unknown'][0]}"
        return [f"{said}. Once it answers, playbooks/status.yml says how it stands, and deploy.yml mends it"]
    lines = [f"{name} could not go back: {one['msg']}" for name, one in sorted(back["failed_modules"].items())]
    gone = [name for name in names if name in back["modules"] and name not in back["failed_modules"]]
    if lost(steps.get("loaded") or {}):
        kept = [name for name in names if name not in back["modules"] and name not in back["failed_modules"]]
        said = f"{', '.join(kept)} was not noted as changed, and was left as it is; playbooks/status.yml says how"
        lines += [said] if kept else []
    reason = f", for {rollout['stopped']}" if rollout["stopped"] else ""
    return lines + [f"{name} went back to its former state{reason}" for name in gone]


def untouched(rollout: Rollout, host: str) -> str:
    """Return why nothing was done on a host whose wave was not reached; "" for any other."""
    wave = wave_of(rollout, host)
    if not wave or wave["outcome"] != "pending":
        return ""
    reason = rollout["stopped"] or "an earlier wave did not come to its end"
    return f"not touched, for {reason}. Mend that, and run the same command again"
