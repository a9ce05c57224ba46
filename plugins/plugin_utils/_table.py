# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record as a table for a terminal."""

from __future__ import annotations

import textwrap
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._show import visible
from ansible_collections.procfleet.procfs.plugins.plugin_utils._waves import UNCHANGED

# Ansible indents what a task says by 8 columns; together that is a terminal of 80.
WIDTH = 72
# In a larger fleet, hosts on which all is well are counted, not listed.
LISTED = 40
_SHORT = 8
_COLUMNS = (30, _SHORT, 9, _SHORT)  # module, wanted, installed, loaded; the state has the rest


def table(record: dict[str, Any]) -> str:
    """Return each host with kernel, taint and reboot, and its modules with short fingerprints and states."""
    hosts = record["hosts"]
    listed = hosts if len(hosts) <= LISTED else [host for host in hosts if host["state"] != "ok" or host["reboot"]]
    lines = [_row(["HOST, MODULE", "WANTED", "INSTALLED", "LOADED", "STATE"])] if listed else []
    for host in listed:
        lines += _host(host)
    if len(listed) < len(hosts):
        lines += ["", f"{len(hosts) - len(listed)} more hosts are as wanted"]
    return "\n".join([*lines, "", *_waves(record), *_totals(record)])


def _waves(record: dict[str, Any]) -> list[str]:
    """Return a line for each wave that was to change something, and why the rollout was stopped, if it was."""
    lines = [f"{one['name']}: {_hosts(len(one['hosts']))}, {_outcome(one)}" for one in record["waves"]]
    stopped = _wrapped(f"stopped: {record['stopped']}", "") if record["stopped"] else []
    return [*lines, *stopped, ""] if [one for one in record["waves"] if one["name"] != UNCHANGED] else []


def _outcome(wave: dict[str, Any]) -> str:
    return f"{wave['outcome']}, {wave['seconds']} s" if wave["started"] else "not begun"


def _hosts(number: int) -> str:
    return "1 host" if number == 1 else f"{number} hosts"


def _totals(record: dict[str, Any]) -> list[str]:
    said = [f"{number} {state}" for state, number in record["counts"]["hosts"].items()]
    reboot = sum(bool(host["reboot"]) for host in record["hosts"])
    return textwrap.wrap(
        f"{_hosts(len(record['hosts']))}: {', '.join(said)}" + (f"; {reboot} to be rebooted" if reboot else ""), WIDTH
    )


def _host(host: dict[str, Any]) -> list[str]:
    """Return a host's lines: what it is, then one a module, with what is not well."""
    lines = [visible(host["name"]) + _kernel(host)]
    lines += [line for text in _trouble(host) for line in _wrapped(text, "  ")]
    if not host["kernel"]:
        return lines
    for name, one in host["modules"].items():
        builds = [_short(one[key]) for key in ("wanted", "installed", "loaded")]
        by = ", by DKMS" if (one["installed"] or {}).get("by") == "dkms" else ""
        lines.append(_row(["  " + name, *builds, one["state"] + by]))
        lines += [line for reason in _reasons(one) for line in _wrapped(reason, "    ")]
    return lines


def _reasons(one: dict[str, Any]) -> list[str]:
    """Return a module's reasons, and where it has failed the paths of what does not hold, as texts to wrap."""
    entries = one["contract"]["entries"] if one["state"] == "failed" and one["contract"] else []
    paths = [entry["path"] for entry in entries if not entry["holds"]]
    return [*one["reasons"], *([f"does not hold: {', '.join(paths)}"] if paths else [])]


def _kernel(host: dict[str, Any]) -> str:
    kernel = host["kernel"]
    return f": kernel {kernel['release']}, taint {host['taint'] or 'none'}" if kernel else ""


def _trouble(host: dict[str, Any]) -> list[str]:
    error = [f"{host['state']}: {host['error']}"] if host["error"] else []
    unknown = ["unknown: the run did not get so far"] if not (host["modules"] or host["error"]) else []
    return [*error, *unknown, *(f"reboot needed: {reason}" for reason in host["reboot"])]


def _short(build: dict[str, Any] | None) -> str:
    """Return the beginning of a build's fingerprint; `?` for an image that is not ours, `-` for none."""
    if build is None:
        return "-"
    return build["fingerprint"][:_SHORT] if build["fingerprint"] else "?"


def _row(cells: list[str]) -> str:
    """Return the cells in their columns; a long one pushes the others on, where a cut name would be another's."""
    line, end = "", 0
    for cell, width in zip(cells, (*_COLUMNS, 0), strict=True):
        end += width + 1
        line += visible(cell)
        line = line.ljust(end) if len(line) < end else line + " "
    return line.rstrip()


def _wrapped(text: str, indent: str) -> list[str]:
    flat = " ".join(visible(text).split())
    return textwrap.wrap(flat, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", max_lines=4)
