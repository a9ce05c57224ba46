# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of kernels says what was run, and what was not."""

from __future__ import annotations

import json

import pytest
from ansible_collections.procfleet.procfs.tests import kernels
from ansible_collections.procfleet.procfs.tests.marked import END, update

FACTS = {"compiler": "gcc 12.2.0", "python": "3.11.2"}
PART = {"kernel": {"release": "6.1.0-56"}, "seconds": {"look": 0.9, "build": 60.2, "load": 2.1, "assert": 0.1}}
WELL = {"passed": ["test_one", "test_two"], "failed": []}
NONE = {"passed": [], "failed": []}


@pytest.mark.parametrize(
    ("text", "names"), [("", []), ("b", ["b"]), ("c,a", ["c", "a"]), (",b,", ["b"]), ("a,b,c", ["a", "b", "c"])]
)
def test_left_out(text, names):
    assert kernels.left_out(text, ["a", "b", "c"]) == names


@pytest.mark.parametrize("text", ["d", "a,d", "a b", "A"])
def test_a_name_that_is_no_machine_is_refused(text):
    with pytest.raises(ValueError, match="the machines are a, b"):
        kernels.left_out(text, ["a", "b"])


def test_a_row():
    assert kernels.row("bookworm", FACTS, PART, WELL) == {
        "machine": "bookworm",
        "kernel": "6.1.0-56",
        "compiler": "gcc 12.2.0",
        "python": "3.11.2",
        "outcome": "passed",
        "tests": 2,
        "seconds": 63,
    }


@pytest.mark.parametrize(
    ("tests", "absent", "outcome"),
    [
        (WELL, "", "passed"),
        ({"passed": ["a"], "failed": ["b", "c", "b"]}, "", "FAILED: b, c"),
        (NONE, "", "FAILED: not tested"),
        (NONE, "left out", "left out"),
        ({"passed": [], "failed": ["a"]}, "FAILED: no box", "FAILED: no box"),
    ],
)
def test_outcomes(tests, absent, outcome):
    assert kernels.row("x", {}, {}, tests, absent)["outcome"] == outcome


@pytest.mark.parametrize("part", [{}, {"kernel": None, "seconds": None}, {"seconds": {"look": 1.0, "load": 3.0}}])
def test_a_deploy_that_built_nothing_has_no_time(part):
    assert kernels.row("x", {}, part, WELL)["seconds"] is None


def run(*rows):
    return {"date": "2026-11-24", "size": "2 cores", "rows": list(rows)}


def test_the_table():
    text = kernels.table(run(kernels.row("bookworm", FACTS, PART, WELL), kernels.row("sid", {}, {}, NONE, "left out")))
    assert text.splitlines() == [
        "Run on 2026-11-24: 2 cores.",
        "",
        "| machine | kernel | compiler | Python | outcome | tests | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| bookworm | 6.1.0-56 | gcc 12.2.0 | 3.11.2 | passed | 2 | 63 |",
        "| sid | - | - | - | left out | - | - |",
    ]


def test_a_reason_stays_in_its_cell():
    reason = "FAILED: a|b\n<i>c</i> " + "d" * 200
    line = kernels.table(run(kernels.row("x", {}, {}, NONE, reason))).splitlines()[-1]
    assert line.startswith("| x | - | - | - | FAILED: a\\|b &lt;i>c&lt;/i> ddd")
    assert line.endswith("d… | - | - |")


def test_the_program(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(kernels, "LAST", tmp_path / "kernels.json")
    monkeypatch.setattr(kernels, "PAGE", tmp_path / "kernels.md")
    assert kernels.main() == 1
    assert "molecule test -s kernels" in capsys.readouterr().err
    kernels.LAST.write_text(json.dumps(run(kernels.row("x", FACTS, PART, WELL))))
    kernels.PAGE.write_text(f"{kernels.BEGIN}{END}")
    assert kernels.main() == 0
    assert "| x | 6.1.0-56 |" in kernels.PAGE.read_text()


def test_the_committed_page_has_its_place():
    assert update(kernels.PAGE.read_text(encoding="utf-8"), kernels.BEGIN, "new")
