# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modprobe's configuration and the kernel's command line say of a module, besides procfleet's own file."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _modprobe


@pytest.fixture
def etc(host):
    """The first folder of modprobe's configuration, empty."""
    folder = host / "etc/modprobe.d"
    folder.mkdir(parents=True)
    return folder


def said(*names):
    return _modprobe.said_elsewhere(list(names or ["my_mod"]))


def test_a_host_without_any_configuration(host):
    assert said("my_mod", "other") == {"my_mod": [], "other": []}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("blacklist my_mod\n", ["blacklist my_mod"]),
        ("  blacklist\tmy-mod  \n", ["blacklist my-mod"]),
        ("install my_mod /bin/true", ["install my_mod /bin/true"]),
        ("options my_mod size=1 \\\n  mode=0600\n", ["options my_mod size=1 mode=0600"]),
        ("options my_mod a=1\nblacklist other\nblacklist my_mod\n", ["options my_mod a=1", "blacklist my_mod"]),
        ("# blacklist my_mod\n#blacklist my_mod\n", []),
        ("blacklist my_mod2\nblacklist\n\noptions other my_mod\n", []),
        ("softdep my_mod pre: other\nalias x my_mod\nremove my_mod /bin/true\n", []),
        ("blacklist my_mod \udcff", ["blacklist my_mod \ufffd"]),
    ],
)
def test_what_a_file_says(etc, text, found):
    (etc / "local.conf").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert said()["my_mod"] == [f"`{line}` in {etc}/local.conf" for line in found]


def test_procfleets_own_file_and_what_is_no_configuration_count_for_nothing(etc):
    (etc / "procfleet-my_mod.conf").write_text("options my_mod size=1\n")
    (etc / "local.conf.bak").write_text("blacklist my_mod\n")
    (etc / "folder.conf").mkdir()
    assert said() == {"my_mod": []}


def test_a_file_hides_those_of_its_name_in_the_folders_after_it(host, etc):
    later = host / "modprobe.d"
    later.mkdir()
    for name in ("hidden.conf", "shown.conf"):
        (later / name).write_text("blacklist my_mod\n")
    (etc / "hidden.conf").symlink_to("/dev/null")
    assert said() == {"my_mod": [f"`blacklist my_mod` in {later}/shown.conf"]}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("quiet my_mod.size=1 other.size=2", ["my_mod.size=1"]),
        ("my-mod.on", ["my-mod.on"]),
        ("modprobe.blacklist=other,my_mod", ["modprobe.blacklist=other,my_mod"]),
        ("module_blacklist=my-mod quiet", ["module_blacklist=my-mod"]),
        ("root=/dev/vda1 my_mod my_mod=1 blacklist=my_mod", []),
    ],
)
def test_what_the_command_line_says(host, line, found):
    (host / "cmdline").write_text(line + "\n")
    assert said()["my_mod"] == [f"`{word}` in {host}/cmdline" for word in found]


def test_what_is_refused_for_it():
    error = _modprobe.another_boot("m", ["`blacklist m` in /a", "`m.x=1` in /b"])
    assert error.message == (
        "m cannot be set for boot as it is to be loaded: there is `blacklist m` in /a and `m.x=1` in /b. "
        "Take that out (parameters belong into kmod_modules), or set kmod_persist to false."
    )
    assert error.details == {"restored": True}
