# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look may assert, and above all what it may write, before anybody has decided anything."""

from __future__ import annotations

import json

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _entry, _names
from ansible_collections.procfleet.procfs.plugins.module_utils._entry import normalise
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._glance import glance
from ansible_collections.procfleet.procfs.tests.states import ABSENT

BUILD_ID, FINGERPRINT = "b" * 40, "f" * 64
LIVE = {
    **ABSENT,
    "state": "live",
    "build_id": BUILD_ID,
    "installed": {"build_id": BUILD_ID},
    "fingerprint": FINGERPRINT,
}


@pytest.fixture
def proc(host, monkeypatch):
    """A temporary /proc with one file that takes what is written to it."""
    monkeypatch.setattr(_entry, "ROOTS", (str(host),))
    (host / "file").write_text("old\n")
    return host


@pytest.fixture
def write(proc):
    """An entry that writes, and a host whose note says that m was proven by it."""
    entry = {"path": f"{proc}/file", "write": "new\n", "equals": "new\n"}
    note = {"fingerprint": FINGERPRINT, "build_id": BUILD_ID, "entries": [normalise(entry)]}
    path = proc / _names.manifest_path("6.1", "m")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(note))
    return entry


def look(entries, state=LIVE, check_mode=False, **others):
    return glance({"m": entries, **others}, {"m": state, "n": ABSENT}, "6.1", check_mode)


def test_all_holds(proc):
    read = {"path": f"{proc}/file", "equals": "old\n"}
    gone = {"path": f"{proc}/none", "state": "gone"}
    found = look([read, gone], n=[gone])
    assert [one["path"] for one in found] == [read["path"], gone["path"], gone["path"]]
    assert all(one["holds"] for one in found)


def test_what_does_not_hold_is_tried_once_and_ends_the_look(proc):
    slow = {"path": f"{proc}/none", "retries": 100, "delay": 60}
    after = {"path": f"{proc}/file", "write": "new\n"}
    assert look([slow], n=[after]) is None
    assert (proc / "file").read_text() == "old\n"


def test_a_module_that_shows_nothing_asks_nothing(proc):
    assert look([], n=[{"path": f"{proc}/none", "state": "gone"}])[0]["holds"]


def test_what_was_proven_by_a_write_is_written_to_again(proc, write):
    (result,) = look([write])
    assert (result["holds"], result["content"]) == (True, "new\n")
    assert (proc / "file").read_text() == "new\n"


@pytest.mark.parametrize(
    "state",
    [
        {"state": "absent"},
        {"state": "going"},
        {"build_id": "c" * 40},
        {"build_id": None, "installed": {"build_id": None}},
        {"build_id": "c" * 40, "installed": {"build_id": "c" * 40}},
        {"installed": None},
        {"fingerprint": None},
    ],
    ids="-".join,
)
def test_nothing_is_written_to_what_is_not_the_proven_build(proc, write, state):
    assert look([write], {**LIVE, **state}) is None
    assert (proc / "file").read_text() == "old\n"


def test_nothing_is_written_that_it_was_not_proven_by(proc, write):
    assert look([{**write, "write": "other\n"}]) is None
    assert look([write, {"path": f"{proc}/file"}]) is None
    assert (proc / "file").read_text() == "old\n"


def test_nothing_is_written_where_no_note_is(proc):
    assert look([{"path": f"{proc}/file", "write": "new\n"}]) is None
    assert (proc / "file").read_text() == "old\n"


def test_in_check_mode_nothing_is_written_at_all(proc, write):
    (result,) = look([write], check_mode=True)
    assert (result["holds"], result["write_skipped"]) == (True, True)
    assert (proc / "file").read_text() == "old\n"


@pytest.mark.parametrize("asked", [{"other": []}, {"m": "/proc/x"}, {"m": None}])
def test_what_makes_no_sense(asked):
    with pytest.raises(KmodError, match="The entries make no sense"):
        glance(asked, {"m": LIVE}, "6.1", False)


@pytest.mark.parametrize("entry", [3, {"path": "/etc/passwd"}, {"path": "/proc/x", "mode": 292}])
def test_an_entry_that_is_not_valid(entry):
    with pytest.raises(KmodError):
        look([entry])
