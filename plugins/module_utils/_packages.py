# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages by the distribution's own manager: commands, and what they print."""

from __future__ import annotations

import os
import re
import time
from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._command import Finished, run, with_proxies
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import headers_path
from ansible_collections.procfleet.procfs.plugins.module_utils._lock import undisturbed

LAST_LINES = 8
QUERY_SECONDS = 120
LISTS_DIR = "/var/lib/apt/lists"
# Lists of packages that are older are fetched anew.
LISTS_SECONDS = 3600
# Somebody else's apt, at boot above all, is waited for: tries, and seconds between two.
TRIES, PAUSE = 24, 5.0


class Manager(NamedTuple):
    """A package manager's commands; packages are appended to all but `listing`, which tells what is installed.

    `well` are the statuses of an install or a removal that was done; `refresh` fetches the lists of packages, where
    installing does not; `clean` removes what was downloaded, where removing does not.
    """

    install: list[str]
    remove: list[str]
    listing: list[str]
    offers: list[str]
    well: tuple[int, ...] = (0,)
    refresh: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()


# A changed file of configuration stays as it is, where apt would ask.
_KEEP = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
_APT = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=0", *_KEEP]  # who waits is told below
MANAGERS = {
    "apt": Manager(
        [*_APT, "--no-install-recommends", "--no-upgrade", "install", "--"],
        [*_APT, "purge", "--"],
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${binary:Package}=${Version}\n"],
        ["apt-cache", "pkgnames", "--"],
        refresh=("apt-get", "-q", "-o", "Acquire::Retries=3", "update"),
        clean=("apt-get", "clean"),
    ),
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
    :raises KmodError: when the manager fails, or has installed another kernel's headers; where those of a `release`
        were wanted, it is in `details`, and `offers` is there what the host's package source has instead.
    """
    try:
        return _bring(manager, names, present, release, timeout)
    except KmodError as error:
        if release:
            error.details.update(release=release, offers=offers(manager, headers_package(names)))
        raise


def _bring(manager: str, names: list[str], present: bool, release: str, timeout: float) -> dict[str, Any]:
    commands = _known(manager)
    before = _installed(commands)
    if present and commands.refresh and _stale():
        _refresh(commands.refresh, timeout)
    done = _run_alone([*(commands.install if present else commands.remove), *names], timeout)
    if done.status not in commands.well:
        raise KmodError("%s failed" % manager, _last_lines(done))
    if not present and commands.clean:
        _run_alone(list(commands.clean), timeout)
    after = _installed(commands)
    if present and release and not os.path.exists(headers_path(release) + "/Makefile"):
        raise KmodError(
            "%s has installed %s" % (manager, ", ".join(sorted(after - before)) or "nothing new"),
            "the headers of kernel %s are not among them" % release,
        )
    return {"changed": before != after, "added": sorted(after - before), "removed": sorted(before - after)}


def _run_alone(command: list[str], timeout: float) -> Finished:
    """Run a manager's command, which asks nobody anything; where another one holds apt's locks, wait for it.

    By itself apt would wait for the lock on what is installed alone, not for those on lists and downloads.
    """
    environment = dict(with_proxies(), DEBIAN_FRONTEND="noninteractive")
    for attempt in range(TRIES):
        with undisturbed():
            done = run(command, timeout, merge=True, environment=environment)
        if done.status == 0 or "Could not get lock" not in done.out or attempt + 1 == TRIES:
            break
        time.sleep(PAUSE)
    return done


def _stale() -> bool:
    """Say whether apt's lists of packages are old, or not there."""
    try:
        fetched = any(name.endswith("Release") for name in os.listdir(LISTS_DIR))
        return not fetched or time.time() - os.stat(LISTS_DIR).st_mtime > LISTS_SECONDS
    except OSError:
        return True


def _refresh(command: tuple[str, ...], timeout: float) -> None:
    """Fetch the lists. apt calls it well when it has got none, or some only, and keeps the old ones."""
    done = _run_alone(list(command), timeout)
    if done.status != 0 or "Failed to fetch" in done.out or "Some index files failed" in done.out:
        raise KmodError(
            "`%s` failed" % " ".join(command), _last_lines(done), "See that the host reaches its package source"
        )
    os.utime(LISTS_DIR)  # where nothing was new, apt leaves no trace of having asked


def _known(manager: str) -> Manager:
    if manager not in MANAGERS:
        raise KmodError("No package manager %s is known" % (manager or "of this distribution"), "", "Install by hand")
    return MANAGERS[manager]


def _installed(commands: Manager) -> set[str]:
    lines = run(commands.listing, QUERY_SECONDS).out.splitlines()
    if commands.listing[0] != "dpkg-query":
        return set(lines)
    return {package for status, _space, package in (line.partition(" ") for line in lines) if status == "installed"}


def _last_lines(done: Finished) -> str:
    return " | ".join([line.strip() for line in done.out.splitlines() if line.strip()][-LAST_LINES:])


def headers_package(names: list[str]) -> str:
    """Return the one of the packages that has the headers: everywhere it is called after Linux, or the kernel."""
    return next((name for name in names if name.startswith(("linux", "kernel"))), "")


def offers(manager: str, package: str) -> list[str]:
    """Return what the host's package source offers in place of a headers package; none where it cannot be asked."""
    if not package:
        return []
    try:
        command = [*_known(manager).offers, offered_as(package)]
        done = run(command, QUERY_SECONDS, environment=with_proxies())
    except KmodError:
        return []
    return parse_offers(manager, done.out) if done.status == 0 else []


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
