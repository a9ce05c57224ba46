# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who builds what: each build once, by one host, and nothing that is there already."""

from __future__ import annotations

import re
import sys

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._builders import groups, own
from ansible_collections.procfleet.procfs.plugins.plugin_utils._builders import settle as settle_all

TOOLS = {"present": True, "make": "/usr/bin/make", "compiler": "/usr/bin/gcc"}
BARE = {"present": False, "make": None, "compiler": None}
OS = {"id": "debian", "version": "12"}


def item(name, fingerprint, depends=()):
    return {"name": name, "fingerprint": fingerprint, "depends": list(depends), "folder": f"/src/{name}"}


def host(release="6.1", build=("m",), headers=TOOLS, flags=(), **more):
    """A host that waits for the named builds; their fingerprints follow from its kernel and flags."""
    compiler = more.pop("compiler", "gcc-12")
    arch = more.pop("arch", "x86_64")
    system = {**OS, **more.pop("os", {})}
    identity = "-".join([release, arch, compiler, *flags])
    builds = [item(one, f"{one}-{identity}") if isinstance(one, str) else one for one in build]
    kernel = {"release": release, "arch": arch, "compiler": {"name": compiler}}
    packages, manager = more.pop("packages", [f"headers-{release}", "make"]), more.pop("manager", "apt")
    plan = {"build": builds, "flags": list(flags), "packages": packages if builds else [], "manager": manager}
    return {
        "plan": {**plan, "sign": more.pop("sign", [])},
        "seen": {"kernel": kernel, "headers": headers, "os": system},
    }


def nothing(_name, _fingerprint):
    return False


def settle(hosts, have, dedicated):
    """Return the jobs, where nobody is refused."""
    jobs, refused = settle_all(hosts, have, dedicated)
    assert refused == {}
    return jobs


def built(jobs):
    """Return builder -> names for each job."""
    return {name: [[one["name"] for one in job["modules"]] for job in of_host] for name, of_host in jobs.items()}


def test_one_builder_for_a_kernel():
    hosts = {name: host() for name in "abc"}
    jobs = settle(hosts, nothing, [])
    modules = hosts["a"]["plan"]["build"]
    assert jobs == {"a": [{"release": "6.1", "flags": [], "packages": [], "manager": "apt", "modules": modules}]}


@pytest.mark.parametrize("other", [{"release": "6.2"}, {"arch": "aarch64"}, {"compiler": "gcc-13"}])
def test_what_makes_another_group(other):
    assert built(settle({"a": host(), "b": host(**other), "c": host(), "d": host(**other)}, nothing, [])) == {
        "a": [["m"]],
        "b": [["m"]],
    }


def test_other_flags_are_another_group_for_one_make_has_one_set_of_them():
    hosts = {"a": host(), "b": host(flags=["W=1"], headers=BARE), "c": host(flags=["W=1"], headers=BARE)}
    jobs = settle(hosts, nothing, [])
    assert {name: [job["flags"] for job in of_host] for name, of_host in jobs.items()} == {"a": [[], ["W=1"]]}


def test_other_sources_of_one_name_are_another_job():
    """Two hosts with other kmod_paths: a make can hold one module of a name."""
    hosts = {
        "a": host(build=[item("m", "1"), item("n", "2")]),
        "b": host(build=[item("m", "9")]),
        "c": host(build=[item("n", "2")]),
        "d": host(build=[item("o", "3")]),
    }
    jobs = settle(hosts, nothing, [])["a"]
    assert [{one["name"]: one["fingerprint"] for one in job["modules"]} for job in jobs] == [
        {"m": "1", "n": "2", "o": "3"},
        {"m": "9"},
    ]


def test_several_kernels_on_one_dedicated_builder():
    hosts = {"a": host("6.1"), "b": host("6.2"), "builder": host("6.1", build=())}
    jobs = settle(hosts, nothing, ["builder"])
    assert [(job["release"], job["packages"]) for job in jobs["builder"]] == [
        ("6.1", []),
        ("6.2", ["headers-6.2", "make"]),
    ]


def test_nothing_when_the_store_has_it():
    assert settle({"a": host(), "b": host("6.2")}, lambda _name, _print: True, []) == {}
    assert settle({"a": host(build=())}, nothing, []) == {}
    assert settle({}, nothing, []) == {}


def test_only_what_the_store_lacks_with_what_it_needs():
    builds = [item("base", "1"), item("user", "2", ["base", "kernels_own"]), item("apart", "3")]
    hosts = {"a": host(build=builds)}
    assert built(settle(hosts, lambda name, _print: name != "user", [])) == {"a": [["base", "user"]]}
    assert built(settle(hosts, lambda name, _print: name != "base", [])) == {"a": [["base"]]}


def test_what_one_host_lacks_and_another_lacks_is_one_job():
    assert built(settle({"a": host(build=["m"]), "b": host(build=["n", "m"])}, nothing, [])) == {"a": [["m", "n"]]}


def test_of_a_group_the_first_that_can_build_as_it_is():
    """It need not wait for anything itself; it may hold the build, where the store lost it."""
    hosts = {"a": host(headers=BARE), "b": host(headers=BARE), "c": host(build=()), "d": host()}
    assert built(settle(hosts, nothing, [])) == {"c": [["m"]]}
    del hosts["c"], hosts["d"]
    assert [job["packages"] for job in settle(hosts, nothing, [])["a"]] == [["headers-6.1", "make"]]


@pytest.mark.parametrize("missing", [{"present": False}, {"make": None}, {"compiler": None}])
def test_packages_only_where_something_is_missing(missing):
    jobs = settle({"a": host(headers={**TOOLS, **missing})}, nothing, [])
    assert jobs["a"][0]["packages"] == ["headers-6.1", "make"]


@pytest.mark.parametrize("lacking", [{"packages": []}, {"manager": ""}])
def test_no_package_names_are_known(lacking):
    jobs, refused = settle_all({"a": host(headers=BARE, **lacking), "b": host("6.2")}, nothing, [])
    assert (
        "a lacks what it takes to build for kernel 6.1: procfleet knows no packages or no manager of debian"
        in (refused["a"])
    )
    assert built(jobs) == {"b": [["m"]]}  # the others are built for
    hosts = {"a": host("6.2", packages=[]), "builder": host("6.1", build=())}
    assert "builder lacks what it takes to build for kernel 6.2" in settle_all(hosts, nothing, ["builder"])[1]["a"]
    assert settle({"a": host(packages=[])}, nothing, [])


def test_dedicated_builders_by_distribution_and_architecture():
    hosts = {
        "deb": host(),
        "old": host("5.10", os={"version": "11"}),
        "arm": host("6.1", arch="aarch64"),
        "b-arm": host(build=(), arch="aarch64"),
        "b-11": host("5.9", build=(), os={"version": "11"}),
        "b-12": host("6.5", build=()),
    }
    assert built(settle(hosts, nothing, ["b-arm", "b-11", "b-12"])) == {
        "b-12": [["m"]],
        "b-11": [["m"]],
        "b-arm": [["m"]],
    }


def test_a_dedicated_builder_of_the_same_release_is_preferred():
    hosts = {"a": host("6.1"), "x": host("6.2"), "b1": host("6.5", build=()), "b2": host("6.1", build=())}
    jobs = settle(hosts, nothing, ["b1", "b2"])
    assert {name: [job["release"] for job in of_host] for name, of_host in jobs.items()} == {
        "b2": ["6.1"],
        "b1": ["6.2"],
    }


@pytest.mark.parametrize(
    ("dedicated", "part"),
    [
        (["b"], r"No builder fits a: they are debian 12 x86_64; .* has b \(rocky 9 x86_64\)\. Add one"),
        (["away"], "of kmod_builders, the play has none"),
    ],
)
def test_no_builder_fits(dedicated, part):
    hosts = {"a": host(), "b": host(build=(), os={"id": "rocky", "version": "9"})}
    jobs, refused = settle_all(hosts, nothing, dedicated)
    assert jobs == {}
    assert re.search(part, refused["a"])


def test_who_has_no_builder_does_not_keep_the_others():
    hosts = {
        "deb": host(),
        "rocky": host("5.14", os={"id": "rocky"}),
        "done": host("5.14", build=(), os={"id": "rocky"}),
    }
    jobs, refused = settle_all({**hosts, "b": host(build=())}, nothing, ["b"])
    assert built(jobs) == {"b": [["m"]]}
    assert list(refused) == ["rocky"]


def test_who_waits_for_nothing_that_is_missing_is_not_refused():
    hosts = {"a": host(build=["m", "n"], os={"id": "rocky"}), "b": host(build=["m"], os={"id": "rocky"})}
    assert list(settle_all(hosts, lambda name, _print: name == "m", ["away"])[1]) == ["a"]


def test_a_builder_that_does_not_fit_does_not_matter_where_nothing_is_built():
    hosts = {"a": host(), "b": host(build=(), os={"id": "rocky"})}
    assert settle(hosts, lambda _name, _print: True, ["b"]) == {}


def test_groups_come_in_the_order_of_the_inventory():
    hosts = {"z": host("6.9"), "a": host("6.1"), "m": host("6.5", build=()), "y": host("6.9")}
    assert list(groups(hosts).values()) == [["z", "y"], ["a"]]
    assert list(settle(hosts, nothing, [])) == ["z", "a"]


def calls(count, kernels):
    """Return how many functions are called for so many hosts: time, without the machine's moods."""
    builds = [f"m{number}" for number in range(5)]
    hosts = {f"h{number}": host(f"6.{number % kernels}", builds, BARE) for number in range(count)}
    made = 0

    def count_one(_frame, event, _argument):
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count_one)
    try:
        jobs, _refused = settle_all(hosts, nothing, [])
    finally:
        sys.setprofile(None)
    assert sum(map(len, jobs.values())) == kernels
    return made


def test_a_thousand_hosts_cost_ten_times_a_hundred():
    assert calls(1000, 5) < 10.5 * calls(100, 5)


def own_of(hosts, have=nothing, dedicated=()):
    """Return builder -> names, of the job that is done as the host loads."""
    jobs = settle(hosts, have, list(dedicated))
    return {name: [one["name"] for one in job["modules"]] for name, job in own(hosts, jobs).items()}


def test_who_builds_for_itself_alone_does_so_as_it_loads():
    assert own_of({"a": host()}) == {"a": ["m"]}
    assert own_of({"a": host(headers=BARE), "b": host("6.2", build=())}) == {"a": ["m"]}
    pair = [item("base", "1"), item("user", "2", ["base"])]
    assert own_of({"a": host(build=pair)}, lambda name, _print: name == "base") == {"a": ["base", "user"]}


@pytest.mark.parametrize(
    ("hosts", "dedicated"),
    [
        ({"a": host(), "b": host()}, ()),  # b waits for it
        ({"a": host(), "b": host("6.2")}, ()),  # two kernels are built for at the same time
        ({"a": host(headers=BARE), "b": host(build=())}, ()),  # b builds, and has nothing to load
        ({"a": host(), "b": host("6.5", build=())}, ("b",)),
        ({"a": host(build=[item("m", "1")]), "b": host(build=[item("m", "2")])}, ()),  # two jobs of one builder
        ({"a": host(sign=[{"name": "m"}])}, ()),  # what is to be signed passes by the controller
        ({"a": host(build=())}, ()),
        ({}, ()),
    ],
)
def test_what_is_built_before_the_first_wave(hosts, dedicated):
    assert own_of(hosts, dedicated=dedicated) == {}
