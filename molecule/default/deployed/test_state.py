# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a deploy leaves, asked of the machine itself."""

from __future__ import annotations

import pytest

MODULES = ("proc_demo", "simpledriver", "procDriver")


@pytest.mark.parametrize(
    ("path", "text", "mode"),
    [
        ("/proc/myinfo", "Hello from kernel space!\nModule: proc_demo\nStatus: Running and happy\n", 0o444),
        ("/proc/1999_proc/mydrive", "Hello\n", 0o444),
        ("/proc/simpledriver_dir/simpledriver_file", "hi\n", 0o600),
    ],
)
def test_the_entries_say_it(host, path, text, mode):
    with host.sudo():
        entry = host.file(path)
        assert entry.content_string == text
        assert entry.mode == mode
        assert (entry.user, entry.group) == ("root", "root")


def test_what_runs_is_what_was_built(info):
    seen = info(*MODULES)
    for name in MODULES:
        module = seen["modules"][name]
        assert module["state"] == "live"
        assert module["build_id"] and module["build_id"] == module["installed"]["build_id"]
        assert module["installed"]["vermagic"].startswith(seen["kernel"]["release"])
        assert module["fingerprint"] == module["manifest"]["fingerprint"]
        assert module["resolves_to"] == module["installed"]["path"]
        assert module["persist"]["load"]
    assert seen["modules"]["simpledriver"]["persist"]["options"] == "options simpledriver mode=0600 size=4096\n"


def test_everything_is_roots_and_nobody_else_may_write(host):
    ours = "/var/lib/procfleet /lib/modules/*/updates/procfleet /etc/mod*/procfleet*"
    with host.sudo():
        assert int(host.check_output(f"find {ours} -type f | wc -l")) >= len(MODULES) * 4
        assert host.check_output(f"find {ours} ! -user root -o -perm /022") == ""


def test_the_build_left_nothing_but_its_result(host):
    with host.sudo():
        assert host.check_output("find /var/lib/procfleet -name '.*' -o -name '*.c' -o -name '*.o'") == ""


def test_an_echo_comes_back(host):
    with host.sudo():
        entry = "/proc/simpledriver_dir/simpledriver_file"
        said = host.check_output(f"echo hello there > {entry}; cat {entry}; echo hi > {entry}; cat {entry}")
    assert said.splitlines() == ["hello there", "hi"]
