# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Package managers: what is run, what is read from it, and what is made of a failure."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _packages
from ansible_collections.procfleet.procfs.plugins.module_utils._command import Finished
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._packages import Manager, bring, offered_as, parse_offers


@pytest.fixture
def database(tmp_path, monkeypatch):
    """A package manager whose packages are files."""
    folder = tmp_path / "packages"
    folder.mkdir()
    files = Manager(["touch", "--"], ["rm", "--"], ["ls", str(folder)], ["echo"])
    monkeypatch.setattr(_packages, "MANAGERS", {"files": files})
    return folder


def test_packages_come_and_go(database):
    gcc = str(database / "gcc")
    assert bring("files", [gcc], True, "", 10) == {"changed": True, "added": ["gcc"], "removed": []}
    assert bring("files", [gcc], True, "", 10) == {"changed": False, "added": [], "removed": []}
    assert bring("files", [gcc], False, "", 10) == {"changed": True, "added": [], "removed": ["gcc"]}


def test_a_failure_says_the_managers_last_words(database):
    with pytest.raises(KmodError, match=r"^files failed: .*rm: cannot remove .*No such file"):
        bring("files", [str(database / "none")], False, "", 10)


@pytest.mark.parametrize(("status", "fails"), [(0, False), (102, False), (106, False), (104, True), (1, True)])
def test_zypper_has_more_than_one_way_to_say_that_it_is_done(monkeypatch, status, fails):
    monkeypatch.setattr(_packages, "run", lambda *_argv, **_options: Finished(status, "said\n", ""))
    if fails:
        with pytest.raises(KmodError, match=r"^zypper failed: said"):
            bring("zypper", ["gcc"], True, "", 10)
    else:
        assert bring("zypper", ["gcc"], True, "", 10)["changed"] is False


def test_headers_of_another_kernel_are_no_success(host, database):
    name = str(database / "linux-headers-6.11.5")
    with pytest.raises(KmodError, match=r"installed linux-headers-6.11.5: the headers of kernel 6.11.4 are"):
        bring("files", [name], True, "6.11.4", 10)
    with pytest.raises(KmodError, match=r"installed nothing new: the headers"):
        bring("files", [name], True, "6.11.4", 10)
    (host / "modules/6.11.4/build").mkdir(parents=True)
    (host / "modules/6.11.4/build/Makefile").touch()
    assert bring("files", [name], True, "6.11.4", 10)["changed"] is False


def test_a_manager_is_given_up_after_its_time(database, monkeypatch):
    slow = Manager(["sleep"], [], ["true"], [])
    monkeypatch.setattr(_packages, "MANAGERS", {"slow": slow})
    with pytest.raises(KmodError, match=r"`sleep 60` took longer than 0.1 s"):
        bring("slow", ["60"], True, "", 0.1)


@pytest.mark.parametrize(("manager", "said"), [("", "of this distribution is known"), ("pip", "manager pip is known")])
def test_an_unknown_manager(manager, said):
    with pytest.raises(KmodError, match=said):
        bring(manager, ["gcc"], True, "", 10)
    with pytest.raises(KmodError, match=said) as caught:
        bring(manager, ["linux-headers-6.1"], True, "6.1", 10)
    assert caught.value.details["offers"] == []


def test_nobody_is_asked_anything():
    words = {"apt": "-y", "dnf": "-y", "zypper": "--non-interactive", "pacman": "--noconfirm"}
    assert "--no-upgrade" in _packages.MANAGERS["apt"].install
    for name, commands in _packages.MANAGERS.items():
        for command in (commands.install, commands.remove):
            assert command[0] == ("apt-get" if name == "apt" else name)
            assert words.get(name, "apk") in command


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """An apt that answers what the test has put into `said`, by the command's verb, and lists of two hours ago."""
    said, asked = {"update": [Finished(0, "", "")]}, []

    def run(argv, _timeout, **options):
        verb = next((word for word in argv if word in ("update", "install", "purge", "clean")), argv[0])
        asked.append((verb, (options.get("environment") or {}).get("DEBIAN_FRONTEND")))
        answers = said.get(verb, [Finished(0, "", "")])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    (tmp_path / "deb.example.org_InRelease").touch()
    os.utime(tmp_path, (0, time.time() - 7200))
    monkeypatch.setattr(_packages, "LISTS_DIR", str(tmp_path))
    monkeypatch.setattr(_packages, "run", run)
    monkeypatch.setattr(_packages.time, "sleep", lambda seconds: asked.append(("waits", seconds)))
    return said, asked


def test_a_manager_writes_with_the_usual_umask(monkeypatch):
    masks = []

    def run(*_argv, **_options):
        masks.append(os.umask(0))
        os.umask(masks[-1])
        return Finished(0, "", "")

    monkeypatch.setattr(_packages, "run", run)
    former = os.umask(0o077)
    try:
        bring("pacman", ["make"], True, "", 10)
    finally:
        os.umask(former)
    assert masks == [0o077, 0o022, 0o077]  # looks before and after, and the install between


LISTED = "installed make=4.3-4.1\nconfig-files gcc-11=11.3.0-12\n"


def test_apt_installs_from_new_lists(apt):
    said, asked = apt
    said["dpkg-query"] = [Finished(0, LISTED, ""), Finished(0, LISTED + "installed gcc-12=12.2.0-14\n", "")]
    assert bring("apt", ["gcc-12"], True, "", 10) == {"changed": True, "added": ["gcc-12=12.2.0-14"], "removed": []}
    calm = "noninteractive"
    assert asked == [("dpkg-query", None), ("update", calm), ("install", calm), ("dpkg-query", None)]


def test_apt_does_not_fetch_lists_of_this_hour(apt, tmp_path):
    os.utime(tmp_path, (0, time.time() - 600))
    bring("apt", ["make"], True, "", 10)
    assert [verb for verb, _ in apt[1]] == ["dpkg-query", "install", "dpkg-query"]


def test_apt_fetches_lists_where_there_are_none(apt, tmp_path):
    os.utime(tmp_path, (0, time.time() - 600))
    (tmp_path / "deb.example.org_InRelease").unlink()
    bring("apt", ["make"], True, "", 10)
    assert apt[1][1][0] == "update"


def test_apt_takes_away_what_it_fetched_as_well(apt):
    bring("apt", ["make"], False, "", 10)
    assert [verb for verb, _ in apt[1]] == ["dpkg-query", "purge", "clean", "dpkg-query"]


def test_lists_that_were_confirmed_are_new(apt, tmp_path):
    bring("apt", ["make"], True, "", 10)
    bring("apt", ["make"], True, "", 10)
    assert [verb for verb, _ in apt[1]].count("update") == 1
    assert time.time() - tmp_path.stat().st_mtime < 600


@pytest.mark.parametrize("verb", ["update", "install"])
def test_another_apt_is_waited_for(apt, verb):
    said, asked = apt
    busy = Finished(100, "E: Could not get lock /var/cache/apt/archives/lock. It is held by process 7 (apt-get)\n", "")
    said[verb] = [busy, busy, Finished(0, "", "")]
    bring("apt", ["make"], True, "", 10)
    assert [one for one in asked if one[0] == "waits"] == [("waits", _packages.PAUSE)] * 2


@pytest.mark.parametrize(
    ("line", "waits"),
    [
        ("E: Could not get lock /var/lib/apt/lists/lock.", 23),
        ("E: The repository has no Release file.", 0),
        ("W: Some index files failed to download. They have been ignored, or old ones used instead.", 0),
    ],
)
def test_lists_that_cannot_be_fetched(apt, line, waits):
    said, asked = apt
    said["update"] = [Finished(0 if line.startswith("W:") else 100, line + "\n", "")]
    with pytest.raises(KmodError, match="`apt-get -q -o Acquire::Retries=3 update` failed: " + line):
        bring("apt", ["make"], True, "", 10)
    assert sum(verb == "waits" for verb, _ in asked) == waits
    assert "install" not in dict(asked)


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("linux-headers-6.1.0-56-cloud-amd64", "linux-headers-"),
        ("kernel-devel-uname-r = 5.14.0-503.35.1.el9_5.x86_64", "kernel-devel-uname-r"),
        ("kernel-devel-5.14.0-503.35.1.el9_5.x86_64", "kernel-devel-"),
        ("kernel-default-devel=5.14.21-150400.24.103", "kernel-default-devel"),
        ("kernel-64kb-devel=5.14.21-150400.24.103", "kernel-64kb-devel"),
        ("linux-lts-headers", "linux-lts-headers"),
        ("linux-virt-dev=5.10.180-r0", "linux-virt-dev"),
    ],
)
def test_what_a_package_is_called_without_its_version(package, name):
    assert offered_as(package) == name


ZYPPER = """
S  | Name                 | Type    | Version               | Arch   | Repository
---+----------------------+---------+-----------------------+--------+-----------
i+ | kernel-default-devel | package | 5.14.21-150400.24.1   | x86_64 | Main
v  | kernel-default-devel | package | 5.14.21-150400.24.103 | x86_64 | Update
"""


@pytest.mark.parametrize(
    ("manager", "text", "packages"),
    [
        ("apt", "linux-headers-b\nlinux-headers-a\n", ["linux-headers-a", "linux-headers-b"]),
        ("dnf", "kernel-devel-0:5.14.0-1.el9.x86_64\n\n", ["kernel-devel-0:5.14.0-1.el9.x86_64"]),
        ("pacman", "linux-headers-6.11.5.arch1-1\n", ["linux-headers-6.11.5.arch1-1"]),
        ("apk", "linux-lts-dev-6.6.134-r0\n", ["linux-lts-dev-6.6.134-r0"]),
        ("zypper", ZYPPER, ["kernel-default-devel-5.14.21-150400.24.1", "kernel-default-devel-5.14.21-150400.24.103"]),
        ("zypper", "No matching items found.\n", []),
        ("apt", "", []),
    ],
)
def test_what_is_offered(manager, text, packages):
    assert parse_offers(manager, text) == packages


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt", ["apt-cache", "pkgnames", "--", "linux-lts-dev"]),
        ("dnf", ["dnf", "-q", "repoquery", "--available", "--whatprovides", "linux-lts-dev"]),
        ("apk", ["apk", "search", "--exact", "linux-lts-dev"]),
    ],
)
def test_the_manager_is_asked(monkeypatch, manager, command):
    asked = []

    def run(argv, _timeout, **_options):
        asked.append(argv)
        return Finished(0, "x y\n", "")

    monkeypatch.setattr(_packages, "run", run)
    assert _packages.offers(manager, "linux-lts-dev=1-r0") == ["x", "y"]
    assert asked == [command]


def test_nobody_to_ask_and_a_manager_that_fails(monkeypatch):
    monkeypatch.setattr(_packages, "run", lambda *_argv, **_options: Finished(1, "No such command: repoquery", ""))
    assert _packages.offers("dnf", "kernel-devel") == []
    assert _packages.offers("dnf", "") == []
    assert _packages.offers("", "kernel-devel") == []


def test_a_manager_that_is_not_there_offers_nothing(monkeypatch):
    monkeypatch.setitem(_packages.MANAGERS, "apt", Manager(["none-such"], [], ["none-such"], ["none-such"]))
    with pytest.raises(KmodError, match="none-such is not installed") as caught:
        bring("apt", ["linux-headers-6.1"], True, "6.1", 10)
    assert caught.value.details["offers"] == []


def test_a_failure_tells_what_is_offered_where_headers_were_wanted(database):
    for release, told in (("6.1", {"release": "6.1", "offers": ["linux-headers-"]}), ("", {})):
        with pytest.raises(KmodError) as caught:
            bring("files", ["/none/x", "linux-headers-6.1-amd64"], False, release, 10)
        assert caught.value.details == told


@pytest.mark.parametrize(
    ("names", "package"),
    [(["make", "kernel-devel"], "kernel-devel"), (["linux-headers"], "linux-headers"), (["make"], ""), ([], "")],
)
def test_the_headers_package(names, package):
    assert _packages.headers_package(names) == package
