# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands: bounded, in the C locale, with what they said."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _command
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError


def test_what_it_said():
    assert _command.run(["sh", "-c", "echo out; echo err >&2; exit 3"], 10) == (3, "out\n", "err\n")
    assert _command.run(["sh", "-c", "echo out; echo err >&2; echo more"], 10, merge=True) == (
        0,
        "out\nerr\nmore\n",
        "",
    )


def test_its_surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    said = _command.run(["sh", "-c", "echo $LC_ALL $LANG ${SECRET-none}; pwd; cat"], 10, cwd=str(tmp_path)).out
    assert said == "C C none\n%s\n" % tmp_path


def test_a_proxy_is_seen_where_it_is_wanted(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://p:1")
    monkeypatch.setenv("SECRET", "x")
    command = ["sh", "-c", "echo ${https_proxy-none} ${SECRET-none}"]
    assert _command.run(command, 10).out == "none none\n"
    assert _command.run(command, 10, environment=_command.with_proxies()).out == "http://p:1 none\n"


def test_bytes_that_are_no_text():
    assert _command.run(["printf", r"\377"], 10).out == "\ufffd"


def test_not_installed():
    with pytest.raises(KmodError, match=r"^no-such-command is not installed"):
        _command.run(["no-such-command"], 10)


def test_find_does_not_need_the_connections_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert _command.find("sh") in ("/usr/bin/sh", "/bin/sh")
    assert _command.find("no-such-command") is None


def test_too_long_ends_it_and_its_children(tmp_path):
    before = time.monotonic()
    with pytest.raises(KmodError, match=r"`sh -c .*` took longer than 0.3 s") as caught:
        _command.run(["sh", "-c", "sleep 60 & echo $! > pid; wait"], 0.3, cwd=str(tmp_path))
    assert caught.value.details == {"timed_out": True}
    assert time.monotonic() - before < 50  # it did not wait for the 60 s
    child = int((tmp_path / "pid").read_text())
    for _ in range(500):
        try:
            state = open("/proc/%d/stat" % child).read().split()[2]  # noqa: SIM115
        except OSError:
            break
        if state == "Z":
            break
        time.sleep(0.02)
    else:
        os.kill(child, 9)
        pytest.fail("the child lives on")


def test_one_that_cannot_be_killed_is_left_behind(tmp_path):
    """A grandchild in a session of its own keeps the pipe open; we do not wait for it."""
    before = time.monotonic()
    with pytest.raises(KmodError, match="took longer"):
        _command.run(["sh", "-c", "setsid sleep 30 & sleep 60"], 0.2)
    assert time.monotonic() - before < 25


def test_another_environment(monkeypatch):
    monkeypatch.setenv("SECRET", "x")
    assert "SECRET" not in _command.run(["env"], 5).out
    assert _command.run(["env"], 5, environment={"ONLY": "1"}).out == "ONLY=1\n"
