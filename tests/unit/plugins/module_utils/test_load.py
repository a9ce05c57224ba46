# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Loading and unloading one module: who is in the way, and what a refusal says."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _load, _modules
from ansible_collections.procfleet.procfs.plugins.module_utils._command import Finished
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._holders import Task
from ansible_collections.procfleet.procfs.plugins.module_utils._kmsg import Record

MODULE = {
    "name": "m",
    "path": "/x/m.ko",
    "parameters": {"b": "x y", "a": "1"},
    "foreign": [],
    "brought": set(),
    "log": {},
}
IMAGE = {"build_id": "id", "parameters": {"a": "int"}}


@pytest.fixture
def commands(monkeypatch):
    """Record every command; each ends with the status and words that the test puts in."""
    calls = []
    calls.append({"insmod": (0, ""), "rmmod": (0, ""), "modprobe": (0, "")})

    def run(argv, _timeout, **_options):
        status, words = calls[0][argv[0]]
        calls.append(argv)
        return Finished(status, "", words)

    monkeypatch.setattr(_load, "run", run)
    monkeypatch.setattr(_load, "_check_loaded", lambda *_arguments: None)
    monkeypatch.setattr(_load, "tasks_inside", lambda _name: [])
    monkeypatch.setattr(_load, "wait_for_tasks", lambda _name, _timeout: [])
    return calls


def test_words_of_insmod(commands):
    _load.load({**MODULE, "foreign": ["crc7"]}, IMAGE, 5)
    assert commands[1:] == [["modprobe", "crc7"], ["insmod", "/x/m.ko", "a=1", 'b="x y"']]


@pytest.mark.parametrize(
    ("words", "todo"),
    [
        ("insmod: ERROR: could not insert module m.ko: Key was rejected by service", "sign the build"),
        ("insmod: ERROR: could not insert module m.ko: Operation not permitted", "locked down"),
        ("insmod: ERROR: could not insert module m.ko: Invalid module format", "another kernel"),
        ("insmod: ERROR: could not insert module m.ko: Unknown symbol in module", "`depends`"),
        ("insmod: ERROR: could not insert module m.ko: Invalid parameters", "parameter"),
        ("insmod: ERROR: could not insert module m.ko: File exists", "loaded or built in"),
        ("insmod: ERROR: could not insert module m.ko: Device or resource busy", "reboot"),
        ("insmod: ERROR: could not insert module m.ko: No such device", "Read the kernel's lines"),
        ("", "Read the kernel's lines"),
    ],
)
def test_what_a_refusal_says(commands, words, todo):
    commands[0]["insmod"] = (1, words + "\n")
    with pytest.raises(KmodError) as caught:
        _load.load(MODULE, IMAGE, 5)
    assert caught.value.what == "m does not load"
    assert caught.value.why.startswith(words or "no reason given")
    assert todo in caught.value.todo


@pytest.mark.parametrize("status", [0, 1])
def test_what_modprobe_brings_along_is_noted(commands, monkeypatch, status):
    shown = [{"ext4"}, {"ext4", "crc7", "its_softdep"}]
    monkeypatch.setattr(_modules, "live_names", lambda: shown.pop(0))
    commands[0]["modprobe"] = (status, "")
    module = {**MODULE, "foreign": ["crc7"], "brought": set()}
    with contextlib.suppress(KmodError):
        _load.load(module, IMAGE, 5)
    assert module["brought"] == {"crc7", "its_softdep"}


def test_an_in_tree_module_that_does_not_load(commands):
    commands[0]["modprobe"] = (1, "modprobe: FATAL: Module crc7 not found in directory /lib/modules/6.1\n")
    with pytest.raises(KmodError, match="m needs crc7, which does not load: modprobe: FATAL"):
        _load.load({**MODULE, "foreign": ["crc7"]}, IMAGE, 5)
    assert len(commands) == 2


def test_a_module_in_use_is_not_touched(commands, monkeypatch):
    monkeypatch.setattr(_modules, "holders", lambda _name: ["x", "y"])
    with pytest.raises(KmodError, match=r"m is in use by x, y. Unload x and y first"):
        _load.unload(MODULE, 5)
    assert commands[1:] == []


def test_a_module_with_a_reader_inside_is_not_touched(commands, monkeypatch):
    monkeypatch.setattr(_load, "wait_for_tasks", lambda _name, _timeout: [Task(7, "cat", "m_read")])
    with pytest.raises(KmodError, match=r"inside it is cat \(process 7, in m_read\)"):
        _load.unload(MODULE, 5)
    assert commands[1:] == []


def test_a_module_that_does_not_leave(commands):
    commands[0]["rmmod"] = (1, "rmmod: ERROR: Module m is in use\n")
    with pytest.raises(KmodError, match="m cannot be unloaded: rmmod: ERROR: Module m is in use"):
        _load.unload(MODULE, 5)


def test_a_module_that_is_still_there_although_rmmod_says_it_left(commands, monkeypatch):
    monkeypatch.setattr(_modules, "load_state", lambda _name: "live")
    with pytest.raises(KmodError, match="m cannot be unloaded"):
        _load.unload(MODULE, 5)


def test_an_unload_that_hangs(commands, monkeypatch):
    def run(_argv, _timeout):
        raise KmodError("too long", timed_out=True)

    monkeypatch.setattr(_load, "run", run)
    monkeypatch.setattr(_load, "tasks_inside", lambda _name: [Task(7, "rmmod", "m_exit")])
    monkeypatch.setattr(_modules, "load_state", lambda _name: "going")
    with pytest.raises(KmodError) as caught:
        _load.unload(MODULE, 5)
    assert "did not end within 5 s; its state is `going`" in caught.value.what
    assert "rmmod (process 7, in m_exit)" in caught.value.why
    assert "reboot" in caught.value.todo


def test_rmmod_that_is_not_installed_is_no_hanging_unload(commands, monkeypatch):
    def run(_argv, _timeout):
        raise KmodError("rmmod is not installed")

    monkeypatch.setattr(_load, "run", run)
    with pytest.raises(KmodError, match="rmmod is not installed"):
        _load.unload(MODULE, 5)


@pytest.mark.parametrize(
    ("state", "build_id", "shown", "part"),
    [
        ("absent", None, {}, "state absent"),
        ("coming", "id", {}, "state coming"),
        ("live", "other", {}, "build-id other; wanted live, id"),
        ("live", "id", {"a": "2"}, "parameter a is 2 instead of 1"),
    ],
)
def test_loaded_means_this_image_with_these_parameters(monkeypatch, state, build_id, shown, part):
    monkeypatch.setattr(_modules, "load_state", lambda _name: state)
    monkeypatch.setattr(_modules, "loaded_build_id", lambda _name: build_id)
    monkeypatch.setattr(_modules, "parameters", lambda names: dict.fromkeys(names, shown))
    with pytest.raises(KmodError) as caught:
        _load._check_loaded(MODULE, IMAGE)
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("before", "after", "gained"),
    [
        ("", "OE", ""),
        ("OE", "OEW", "W"),
        ("W", "WD", "D"),
        ("", "POECN", ""),
        ("W", "W", ""),
        ("W", "W", "nothing new"),
    ],
)
def test_taint(monkeypatch, before, after, gained):
    monkeypatch.setattr(_load, "taint", lambda: {"flags": after})
    records = [Record(4, "WARNING: CPU: 0"), Record(6, "m: loaded")] if gained else [Record(6, "m: WARNING: not ours")]
    if not gained:
        _load.check_calm("m", "it was loaded", before, records)
        return
    with pytest.raises(KmodError, match="taint gained %s; the kernel says: WARNING: CPU: 0" % gained) as caught:
        _load.check_calm("m", "it was loaded", before, records)
    assert caught.value.details == {"reboot_needed": True}


def test_the_log_that_the_contract_asks_for():
    _load._check_log("m", "load", ["loaded"], ["m: loaded"])
    _load._check_log("m", "load", [], [])
    with pytest.raises(KmodError, match="The kernel's log lacks 'mode' after load of m: it says: m: loaded"):
        _load._check_log("m", "load", ["loaded", "mode"], ["m: loaded"])


def test_drift():
    wanted = {"b": "2", "a": "1", "hidden": "3", "same": "0x10"}
    seen = {"a": "9", "b": "8", "hidden": None, "same": "16"}
    assert _load.drift(wanted, seen, {"same": "int"}) == [
        "parameter a is 9 instead of 1",
        "parameter b is 8 instead of 2",
    ]
