# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who builds what: each missing build once, on one host, for all that wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._order import needed

Hosts = dict[str, dict[str, Any]]
Jobs = dict[str, list[dict[str, Any]]]


def settle(hosts: Hosts, have: Callable[[str, str], bool], dedicated: list[str]) -> tuple[Jobs, dict[str, str]]:
    """Return host -> its jobs, each {release, flags, packages, manager, modules}; and host -> why nobody can build.

    :param hosts: every host of the play, in its order -> {plan, seen}.
    :param have: says whether the store holds a build, by name and fingerprint.
    :param dedicated: hosts that are there to build; they come first, where their distribution is the same.
    """
    jobs: Jobs = {}
    refused: dict[str, str] = {}
    for group in groups(hosts).values():
        for waiting, wanted in _layers(hosts, group):
            modules = _missing(wanted, have)
            if not modules:
                continue
            wait = _waiting(hosts, waiting, modules)
            try:
                builder, job = _job(hosts, wait, modules, dedicated)
            except KmodError as error:
                refused.update(dict.fromkeys(wait, error.message))
            else:
                jobs.setdefault(builder, []).append(job)
    return jobs, refused


def _job(
    hosts: Hosts, waiting: list[str], modules: list[dict[str, Any]], dedicated: list[str]
) -> tuple[str, dict[str, Any]]:
    """Return who builds, and what.

    :raises KmodError: when hosts are dedicated and none fits, or the builder lacks what nobody can name.
    """
    builder, first = choose(hosts, waiting, dedicated), hosts[waiting[0]]
    return builder, {
        "release": first["seen"]["kernel"]["release"],
        "flags": first["plan"]["flags"],
        "packages": needed_packages(builder, hosts[builder], first),
        "manager": hosts[builder]["plan"]["manager"],
        "modules": modules,
    }


def own(hosts: Hosts, jobs: Jobs) -> dict[str, dict[str, Any]]:
    """Return host -> its job, where it can as well be done in the call that loads, for nobody else waits for it.

    Of several jobs none is: they are done side by side, before the first wave. What is signed passes by the controller.
    """
    every = [(builder, job) for builder, of_host in jobs.items() for job in of_host]
    if len(every) != 1:
        return {}
    builder, job = every[0]
    alone = _waiting(hosts, hosts, job["modules"]) == [builder]
    return {builder: job} if alone and not hosts[builder]["plan"]["sign"] else {}


def _waiting(hosts: Hosts, among: Iterable[str], modules: list[dict[str, Any]]) -> list[str]:
    """Return the hosts that need one of the builds."""
    builds = {one["fingerprint"] for one in modules}
    return [host for host in among if builds & {one["fingerprint"] for one in hosts[host]["plan"]["build"]}]


def groups(hosts: Hosts) -> dict[tuple[str, ...], list[str]]:
    """Return the hosts that something has to be built for, by what makes a binary fit: kernel, compiler, flags."""
    found: dict[tuple[str, ...], list[str]] = {}
    for host, one in hosts.items():
        if one["plan"]["build"]:
            found.setdefault((*_fit(one), *one["plan"]["flags"]), []).append(host)
    return found


def _layers(hosts: Hosts, group: list[str]) -> list[tuple[list[str], dict[str, dict[str, Any]]]]:
    """Return a group's hosts with their builds by name; hosts whose sources of a name differ are kept apart."""
    layers: list[tuple[list[str], dict[str, dict[str, Any]]]] = []
    for host in group:
        wanted = {item["name"]: item for item in hosts[host]["plan"]["build"]}
        for members, builds in layers:
            if all(builds.get(name, item)["fingerprint"] == item["fingerprint"] for name, item in wanted.items()):
                members.append(host)
                builds.update(wanted)
                break
        else:
            layers.append(([host], wanted))
    return layers


def _missing(wanted: dict[str, dict[str, Any]], have: Callable[[str, str], bool]) -> list[dict[str, Any]]:
    """Return the builds that the store lacks, with those that they need, for their symbols."""
    absent = {name for name, item in wanted.items() if not have(name, item["fingerprint"])}
    closure = needed(absent, {name: item["depends"] for name, item in wanted.items()})
    return [item for name, item in wanted.items() if name in closure]


def choose(hosts: Hosts, waiting: list[str], dedicated: list[str]) -> str:
    """Return the builder for a group: a dedicated host of the same distribution and architecture, else one of its own.

    Of the group's own the first that can build as it is; it may well hold the build already. Else the first that waits.
    """
    if not dedicated:
        fit = _fit(hosts[waiting[0]])
        return next((host for host, one in hosts.items() if _fit(one) == fit and _equipped(one)), waiting[0])
    wanted = _distribution(hosts[waiting[0]])
    fitting = [host for host in dedicated if host in hosts and _distribution(hosts[host]) == wanted]
    offered = [f"{host} ({' '.join(_distribution(hosts[host]))})" for host in dedicated if host in hosts]
    if not fitting:
        raise KmodError(
            f"No builder fits {', '.join(waiting[:5])}",
            f"they are {' '.join(wanted)}; of kmod_builders, the play has {', '.join(offered) or 'none'}",
            "Add one to the group, or leave kmod_builders empty",
        )
    return next((host for host in fitting if _same_release(hosts[host], hosts[waiting[0]])), fitting[0])


def needed_packages(name: str, builder: dict[str, Any], waiting: dict[str, Any]) -> list[str]:
    """Return what the named builder has to install: nothing where it runs that kernel and has its headers and tools."""
    if _same_release(builder, waiting) and _equipped(builder):
        return []
    if not (waiting["plan"]["packages"] and builder["plan"]["manager"]):
        raise KmodError(
            f"{name} lacks what it takes to build for kernel {waiting['seen']['kernel']['release']}",
            f"procfleet knows no packages or no manager of {waiting['seen']['os']['id'] or 'this distribution'}",
            "Install headers, make and compiler by hand",
        )
    return list(waiting["plan"]["packages"])


def _fit(host: dict[str, Any]) -> tuple[str, ...]:
    """What makes a binary fit, of one host."""
    kernel = host["seen"]["kernel"]
    return (kernel["release"], kernel["arch"], kernel["compiler"]["name"])


def _equipped(host: dict[str, Any]) -> bool:
    """Whether a host can build for its own kernel as it is."""
    headers = host["seen"]["headers"]
    return bool(headers["present"] and headers["make"] and headers["compiler"])


def _distribution(host: dict[str, Any]) -> tuple[str, ...]:
    return (host["seen"]["os"]["id"], host["seen"]["os"]["version"], host["seen"]["kernel"]["arch"])


def _same_release(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["seen"]["kernel"]["release"] == other["seen"]["kernel"]["release"])
