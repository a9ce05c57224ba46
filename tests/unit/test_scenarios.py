# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A scenario has passed when all of its verify steps ran tests and all of those passed."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.procfleet.procfs.tests import scenarios
from ansible_collections.procfleet.procfs.tests.scenarios import judge, summary_counts

FIVE = {"passed": 5}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """Scenarios of which `usual` verifies once, as all do, and `twice` has a sequence of its own."""
    monkeypatch.setattr(scenarios, "ROOT", tmp_path)
    texts = {
        ".config/molecule/config.yml": "scenario: {test_sequence: [create, converge, verify, destroy]}",
        "molecule/usual/molecule.yml": "---\n# only what all share\n",
        "molecule/twice/molecule.yml": "scenario: {test_sequence: [create, verify fresh, converge, verify deployed]}",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("5 passed in 3.21s", {"passed": 5}),
        ("========= 12 passed, 1 skipped in 65.32s (0:01:05) =========", {"passed": 12, "skipped": 1}),
        ("1 failed, 2 passed, 3 errors in 1.00s", {"failed": 1, "passed": 2, "errors": 3}),
        ("1 error in 0.10s", {"error": 1}),
        ("2 passed, 3 deselected in 1s", {"passed": 2, "deselected": 3}),
        ("1 xfailed, 4 xpassed in 1s", {"xfailed": 1, "xpassed": 4}),
        ("5 passed, 2 warnings in 1s", {"passed": 5}),
        ("no tests ran in 0.01s", {}),
        ("ok=12 changed=3 skipped=1", {}),
        ("", {}),
    ],
)
def test_counts_of_a_last_line(line, counts):
    assert summary_counts(line) == counts


@pytest.mark.parametrize(
    ("name", "status", "counts", "trouble"),
    [
        ("usual", 0, [FIVE], ""),
        ("twice", 0, [FIVE, {"passed": 1}], ""),
        ("usual", 2, [FIVE], "molecule ended with 2"),
        ("usual", -15, [], "molecule ended with -15"),
        ("usual", 0, [], "0 of 1 verify steps ran tests"),
        ("twice", 0, [FIVE], "1 of 2 verify steps ran tests"),
        ("usual", 0, [FIVE, FIVE], "2 of 1 verify steps ran tests"),
    ],
)
def test_how_a_run_ended(name, status, counts, trouble):
    assert judge(name, status, counts) == trouble


@pytest.mark.parametrize("word", ["skipped", "failed", "error", "errors", "deselected", "xfailed", "xpassed"])
def test_what_was_not_tried_has_not_passed(word):
    assert judge("twice", 0, [FIVE, FIVE | {word: 1}]).startswith("not all tests were tried and passed: ")


@pytest.mark.parametrize("count", [{}, {"passed": 0}])
def test_a_step_without_a_passed_test(count):
    assert judge("twice", 0, [FIVE, count]) == f"not all tests were tried and passed: {[FIVE, count]}"


@pytest.fixture
def molecule(monkeypatch):
    """Stand in for Molecule with what it prints and its status; return the steps that it was called for."""
    steps = []

    def answer(status, output):
        def stream(command, _seconds, _label):
            steps.append(command[1:])
            return status, output

        monkeypatch.setattr(scenarios, "stream", stream)
        return steps

    return answer


def test_a_run_is_read_from_what_it_printed(molecule):
    steps = molecule(0, "ok=12 skipped=1\n3 passed in 1.00s\nTASK [2 things in a row]\n4 passed in 2.00s\n")
    outcome = scenarios.run("twice")
    assert (outcome.trouble, outcome.passed, steps) == ("", 7, [["test", "-s", "twice"]])


def test_a_run_without_output_of_its_tests_has_not_passed(molecule):
    molecule(0, "INFO usual: verify\n")
    assert scenarios.run("usual").trouble == "0 of 1 verify steps ran tests"


def test_a_run_that_fails_leaves_no_machines(molecule):
    steps = molecule(1, "")
    assert scenarios.run("usual").trouble == "molecule ended with 1"
    assert steps == [["test", "-s", "usual"], ["destroy", "-s", "usual"]]


def test_output_comes_without_colours(capfd):
    command = ["sh", "-c", r"printf '\033[32m5 passed\033[0m in 1s\n'; printf 'more\n' >&2; exit 3"]
    assert scenarios.stream(command, 10, "own") == (3, "5 passed in 1s\nmore\n")
    assert capfd.readouterr().out.endswith("own        more\n")


@pytest.mark.parametrize("child", ["sleep 60", "setsid sleep 60"])  # Ansible's workers have sessions of their own
def test_a_run_is_bounded(child):
    begun = time.monotonic()
    assert scenarios.stream(["sh", "-c", f"{child} & sleep 60"], 0.2, "own") == (-9, "")
    assert time.monotonic() - begun < 50  # the child that holds the pipe has ended as well


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("scenario: {test_sequence: [create, converge]}", "no verify step"),
        ("scenario: {converge_sequence: [create]}", "0 of 1 verify steps ran tests"),
    ],
)
def test_a_sequence_that_tests_nothing(root, text, trouble):
    (root / "molecule/usual/molecule.yml").write_text(text)
    assert trouble in judge("usual", 0, [])


@pytest.mark.parametrize(("troubles", "status"), [(["", ""], 0), (["", "molecule ended with 1"], 1)])
def test_the_table(monkeypatch, capsys, troubles, status):
    ended = iter(scenarios.Outcome("usual", trouble, 3, 61.0) for trouble in troubles)
    monkeypatch.setattr(scenarios, "run", lambda _name: next(ended))
    monkeypatch.setattr(scenarios.sys, "argv", ["scenarios.py", *["usual"] * len(troubles)])
    assert scenarios.main() == status
    bad = sum(map(bool, troubles))
    assert capsys.readouterr().out.endswith(f"{len(troubles) - bad} passed, {bad} failed\n")


def test_what_failed_stands_above_the_table(monkeypatch, capsys, molecule, data):
    molecule(1, (data / "molecule/failed-verify").read_text())
    monkeypatch.setattr(scenarios.sys, "argv", ["scenarios.py", "usual"])
    assert scenarios.main() == 1
    said, _table, _rest = capsys.readouterr().out.partition("\nscenario ")
    lines = [line.removeprefix("usual: ") for line in said.split()]
    assert [line for line in lines if "::" in line] == [
        "tests/test_build_once.py::test_a_flipped_bit_in_the_store_is_found_and_men",
        "tests/test_build_once.py::test_a_build_for_another_kernel_never_leaves_the",
        "tests/test_waves.py::test_a_host_that_dies_in_its_wave_is_named_and_a_reru",
    ]
    assert lines.count("FAILED") == 3
    assert "Return" not in said


def test_where_no_test_failed_the_last_lines_are_shown(molecule):
    molecule(2, "".join(f"line {number}\n\n" for number in range(20)))
    assert scenarios.run("usual").words == tuple(f"line {number}" for number in range(12, 20))


def test_of_what_has_passed_nothing_is_told(molecule):
    molecule(0, "5 passed in 1s\n")
    assert scenarios.run("usual").words == ()


def test_two_at_a_time(monkeypatch):
    meeting = threading.Barrier(2, timeout=60)

    def run(name):
        meeting.wait()  # which one alone would never pass
        return scenarios.Outcome(name, "", 1, 1.0)

    monkeypatch.setattr(scenarios, "run", run)
    monkeypatch.setattr(scenarios.sys, "argv", ["scenarios.py", "a", "b"])
    assert scenarios.main() == 0


def test_no_scenario_is_no_success(monkeypatch, capsys):
    monkeypatch.setattr(scenarios.sys, "argv", ["scenarios.py"])
    assert scenarios.main() == 2
    assert "nothing would be tested" in capsys.readouterr().err
