# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages of families for which ansible-core has no module, or none that fits: commands, and what they print."""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._command import Finished, find, run, with_proxies
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import headers_path

LAST_LINES = 8
QUERY_SECONDS = 120


class Manager(NamedTuple):
    """A package manager's commands; packages are appended to all but `listing`, which tells what is installed.

    `well` are the statuses of an install or a removal that was done.
    """

    install: list[str]
    remove: list[str]
    listing: list[str]
    offers: list[str]
    well: tuple[int, ...] = (0,)


MANAGERS = {
    "dnf": Manager(
        ["dnf", "-y", "install"],
        ["dnf", "-y", "remove"],
        ["rpm", "-qa"],
        ["dnf", "-q", "repoquery", "--available", "--whatprovides"],
    ),
    "zypper": Manager(
        ["zypper", "--non-interactive", "install", "--no-recommends"],
        ["zypper", "--non-interactive", "remove"],
        ["rpm", "-qa"],
        ["zypper", "--non-interactive", "--quiet", "search", "--details", "--match-exact"],
        (0, 102, 103, 106),  # done, and: reboot, restart zypper, a repository was out of reach
    ),
    # Without a refresh: a newer list of packages on a system that is not upgraded is what Arch warns of.
    "pacman": Manager(
        ["pacman", "-S", "--noconfirm", "--needed"],
        ["pacman", "-R", "--noconfirm"],
        ["pacman", "-Q"],
        ["pacman", "-Sp", "--print-format", "%n-%v"],
    ),
    "apk": Manager(
        ["apk", "add", "--update-cache"],
        ["apk", "del"],
        ["apk", "info", "-v"],
        ["apk", "search", "--exact"],
    ),
}


def bring(manager: str, names: list[str], present: bool, release: str, timeout: float) -> dict[str, Any]:
    """Install or remove packages; return {changed, added, removed}, the packages with their versions.

    :param release: the kernel whose headers must be there afterwards; "" for none.
    :raises KmodError: when the manager fails, or has installed another kernel's headers.
    """
    commands = _known(manager)
    before = _installed(commands)
    done = run(
        [*(commands.install if present else commands.remove), *names], timeout, merge=True, environment=with_proxies()
    )
    if done.status not in commands.well:
        raise KmodError("%s failed" % manager, _last_lines(done))
    after = _installed(commands)
    if present and release and not os.path.exists(headers_path(release) + "/Makefile"):
        raise KmodError(
            "%s has installed %s" % (manager, ", ".join(sorted(after - before)) or "nothing new"),
            "the headers of the running kernel %s are not among them" % release,
        )
    return {"changed": before != after, "added": sorted(after - before), "removed": sorted(before - after)}


def _known(manager: str) -> Manager:
    if manager not in MANAGERS:
        raise KmodError("No package manager %s is known" % (manager or "of this distribution"), "", "Install by hand")
    return MANAGERS[manager]


def _installed(commands: Manager) -> set[str]:
    return set(run(commands.listing, QUERY_SECONDS).out.splitlines())


def _last_lines(done: Finished) -> str:
    return " | ".join([line.strip() for line in done.out.splitlines() if line.strip()][-LAST_LINES:])


def offers(package: str) -> list[str]:
    """Return what the host's package source offers in place of a headers package; none where nobody can be asked."""
    if not package:
        return []
    if find("apt-cache"):
        return parse_offers("apt", run(["apt-cache", "pkgnames", "--", offered_as(package)], QUERY_SECONDS).out)
    for name, commands in MANAGERS.items():
        if find(commands.offers[0]):
            done = run([*commands.offers, offered_as(package)], QUERY_SECONDS, environment=with_proxies())
            return parse_offers(name, done.out) if done.status == 0 else []
    return []


def offered_as(package: str) -> str:
    """Return a package's name without its version: `linux-headers-`, `kernel-default-devel`, `linux-lts-dev`."""
    bare = re.split(r"[ =<>]", package)[0]
    return re.sub(r"-\d+\..*$", "-", bare)


def parse_offers(manager: str, text: str) -> list[str]:
    """Return the packages that a manager printed, each with its version where it tells one."""
    if manager != "zypper":
        return sorted(set(text.split()))
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.count("|") >= 5]
    return sorted({"%s-%s" % (row[1], row[3]) for row in rows if row[2] == "package"})
