# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look may read, and above all what it may write, before anybody has decided anything."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _assert, _entry
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._fingerprint import identities
from ansible_collections.procfleet.procfs.plugins.module_utils._glance import glance
from ansible_collections.procfleet.procfs.tests.states import ABSENT

BUILD_ID = "b" * 40
KERNEL = {"release": "6.1", "arch": "x86_64", "compiler": {"name": "gcc 12"}}
KNOWN = [
    {"name": "m", "sources": {"m.c": "1"}, "depends": []},
    {"name": "n", "sources": {"n.c": "2"}, "depends": ["m"]},
]
NAMED = identities(KNOWN, KERNEL, [], "")


def live(name):
    installed = {"installed": {"build_id": BUILD_ID}, "fingerprint": NAMED[name].installed}
    return {**ABSENT, **installed, "state": "live", "build_id": BUILD_ID}


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A temporary /proc with one file that takes what is written to it; `written` has what was."""
    monkeypatch.setattr(_entry, "ROOTS", (str(tmp_path),))
    (tmp_path / "file").write_text("old\n")
    return tmp_path


@pytest.fixture
def written(monkeypatch):
    """All that is written, in order."""
    found, write = [], _assert.write_file

    def note(path, data, timeout):
        found.append(data.decode())
        return write(path, data, timeout)

    monkeypatch.setattr(_assert, "write_file", note)
    return found


@pytest.fixture
def look(proc):
    """Return a function that looks at m's entries and n's, on a host on which both run."""

    def run(first, second=(), check_mode=False, certificate="", **state):
        modules = [{**KNOWN[0], "entries": list(first)}, {**KNOWN[1], "entries": list(second)}]
        expected = {"modules": modules, "flags": [], "certificate": certificate}
        return glance(expected, KERNEL, {"m": {**live("m"), **state}, "n": live("n")}, check_mode)

    return run


@pytest.fixture
def entries(proc):
    """What holds, what does not, what is gone, and what writes."""
    return {
        "holds": {"path": f"{proc}/file", "mode": f"{(proc / 'file').stat().st_mode & 0o7777:04o}"},
        "fails": {"path": f"{proc}/file", "mode": "7777"},
        "gone": {"path": f"{proc}/none", "state": "gone"},
        "writes": {"path": f"{proc}/file", "write": "new\n", "equals": "new\n"},
    }


def test_all_holds(look, entries):
    found = look([entries["holds"], entries["gone"]], [entries["gone"]])
    assert [one["path"] for one in found] == [entries[key]["path"] for key in ("holds", "gone", "gone")]
    assert all(one["holds"] for one in found)


def test_a_module_that_shows_nothing(look, entries):
    assert look([], [entries["gone"]])[0]["holds"]


def test_what_does_not_hold_is_tried_once(look, proc):
    assert look([{"path": f"{proc}/none", "retries": 100, "delay": 60}]) is None


def test_what_is_written_is_written_once(look, entries, written):
    found = look([entries["holds"], entries["writes"]], [entries["writes"]])
    assert [one["holds"] for one in found] == [True, True, True]
    assert found[1]["content"] == "new\n"
    assert written == ["new\n", "new\n"]


def test_nothing_is_written_where_anything_fails_that_can_be_seen_before(look, entries, written):
    assert look([entries["writes"], entries["fails"]]) is None
    assert look([entries["writes"]], [entries["fails"]]) is None
    assert written == []


def test_what_may_have_to_be_tried_again_is_not_begun(look, entries, written):
    assert look([{**entries["writes"], "retries": 1}]) is None
    assert written == []


def test_in_check_mode_nothing_is_written(look, entries, written):
    (result,) = look([entries["writes"]], check_mode=True)
    assert (result["holds"], result["write_skipped"], written) == (True, True, [])


def test_what_is_written_and_does_not_come_back(look, entries, written):
    assert look([{**entries["writes"], "equals": "other\n"}]) is None
    assert written == ["new\n"]


@pytest.mark.parametrize(
    "state",
    [
        {"state": "absent"},
        {"state": "going"},
        {"state": "builtin"},
        {"build_id": "c" * 40},
        {"build_id": None, "installed": {"build_id": None}},
        {"installed": None},
        {"fingerprint": None},
        {"fingerprint": "f" * 64},
    ],
    ids=str,
)
def test_another_build_is_neither_read_nor_written_to(look, entries, written, state, monkeypatch):
    monkeypatch.setattr(_assert, "observe", lambda _entry: pytest.fail("looked at it"))
    assert look([entries["holds"]], **state) is None
    assert look([entries["writes"]], **state) is None
    assert look([], [entries["gone"], entries["holds"]], certificate="c" * 64) is None
    assert written == []


def test_what_is_to_be_gone_needs_no_build(look, entries):
    assert look([entries["gone"]], **ABSENT)[0]["holds"]


@pytest.mark.parametrize(
    "expected",
    [
        {"modules": []},
        {"modules": 3, "flags": [], "certificate": ""},
        {"modules": [{"name": "other", "sources": {}, "depends": [], "entries": []}], "flags": [], "certificate": ""},
        {"modules": [{**KNOWN[0], "entries": None}], "flags": [], "certificate": ""},
        {"modules": [{**KNOWN[0]}], "flags": [], "certificate": ""},
    ],
)
def test_what_makes_no_sense(expected):
    with pytest.raises(KmodError, match="What is expected makes no sense"):
        glance(expected, KERNEL, {"m": live("m")}, False)


@pytest.mark.parametrize("entry", [3, {"path": "/etc/passwd"}, {"path": "/proc/x", "mode": 292}])
def test_an_entry_that_is_not_valid(look, entry):
    with pytest.raises(KmodError):
        look([entry])
