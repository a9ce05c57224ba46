# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run does around its turns; the turns themselves need machines."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.procfleet.procfs.bench import run
from ansible_collections.procfleet.procfs.bench.cases import Choice, Turn, turns
from ansible_collections.procfleet.procfs.bench.contestants import CALLS, Place
from ansible_collections.procfleet.procfs.bench.machines import FRESH, INVENTORY, BenchError, alone, ports, together
from ansible_collections.procfleet.procfs.bench.rows import Row, Share, read

BOTH = Choice(2, ("headers", "idle"), ("ours", "floor"), ())
JOIN, FIRST = Turn("join", 5, 2, "ours"), Turn("fleet", 4, 1, "ours")


class Stub:
    """Machines that can do nothing, but are all there."""

    kept_names = ()

    def __init__(self, tmp_path):
        self.ports = ports(yaml.safe_load(INVENTORY.read_text())["lab"])
        self.ssh_config = tmp_path / "ssh_config"
        self.lab = type("Lab", (), {"key": tmp_path / "key"})

    def make(self, names):
        self.made = list(names)

    def stop(self, names):
        self.stopped = set(names)

    def keep(self, names, state):
        self.kept_names = (*self.kept_names, (names, state))


@pytest.fixture
def bench(tmp_path, monkeypatch, row):
    """Return a function that makes a run whose turns measure nothing; `failing` contestants fail."""
    monkeypatch.setattr(run, "WORK", tmp_path)
    (tmp_path / "turn/store").mkdir(parents=True)

    def make(choice, failing=(), planned=()):
        planned = list(planned or turns(choice))
        made = run.Bench("2026-11-24T10:00:00Z", planned, Stub(tmp_path), tmp_path / "results.csv")
        made.turned = []

        def turn(one):
            made.turned.append(one)
            if one.contestant in failing:
                raise BenchError("not in the asserted state")
            seen = {run.check.BUILD_ID.format(run.check.EDITED): "id"}
            measured = row(one.case, one.contestant, 1.0, one.hosts, round=one.round)
            return (
                measured,
                [Share("run", one.round, one.case, one.contestant, one.hosts, "make", 2, 0.5)],
                {"ready": seen},
            )

        made._turn = turn
        return made

    return make


def test_machines_are_kept_as_the_first_deploy_left_them():
    assert run.needed(JOIN) == (*JOIN.machines(), *FIRST.machines())
    assert [run.began(name, FIRST) for name in JOIN.machines()] == ["ours-fleet-4"] * 4 + [FRESH]
    assert run.began("ready", None) == FRESH


def test_ping_brings_no_modules_to_a_host_that_joins():
    assert run.joined(JOIN) == JOIN.machines()
    assert run.joined(JOIN._replace(contestant="ping")) == FIRST.machines()


def test_first_deploys_are_measured_once(bench):
    made = bench(Choice(2, ("idle", "headers"), ("ours", "ping"), ()))
    assert made.run() == []
    assert [(one.case, one.round, one.contestant) for one in made.turned] == [
        ("headers", 1, "ours"),
        ("idle", 1, "ours"),
        ("idle", 1, "ping"),
        ("idle", 2, "ours"),
        ("idle", 2, "ping"),
        ("headers", 2, "ours"),
    ]
    assert made.machines.kept_names == ((("ready",), "ours-headers-1"),)
    assert len(read(made.results, Row)) == 6


def test_what_was_not_asked_for_has_no_row(bench):
    made = bench(Choice(1, ("idle",), ("ours",), ()))
    assert made.run() == []
    assert [row.case for row in read(made.results, Row)] == ["idle"]
    assert [share.case for share in read(made.results.with_name(run.PROGRAMS), Share)] == ["idle"]


def test_who_fails_has_no_row_and_the_others_go_on(bench):
    made = bench(Choice(2, ("idle", "headers"), ("ours", "role"), ()), failing=("role",))
    wrong = made.run()
    assert wrong == [
        "headers, 1 host(s), role: not in the asserted state",
        "idle, 1 host(s), role: the first deploy, headers, has failed",
    ]
    assert [one for one in made.turned if one.contestant == "role"] == [Turn("headers", 1, 1, "role")]
    assert {row.contestant for row in read(made.results, Row)} == {"ours"}


def test_a_run_is_taken_up(bench):
    had = list(turns(BOTH))[:5]
    made = bench(BOTH, planned=list(turns(BOTH))[5:])
    assert made.run() == []
    # The machines may be gone: what turns build upon is deployed again, and has its row already.
    assert made.turned == [
        Turn("headers", 1, 1, "floor"),
        Turn("idle", 1, 1, "floor"),
        Turn("headers", 1, 1, "ours"),
        Turn("idle", 1, 2, "ours"),
        Turn("idle", 1, 2, "floor"),
    ]
    rows = [Turn(row.case, row.hosts, row.round, row.contestant) for row in read(made.results, Row)]
    assert [*had, *rows] == list(turns(BOTH))


def test_a_turn_is_laid_out(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "WORK", tmp_path)
    place = run.lay(Turn("source", 1, 3, "ours"), None, Stub(tmp_path))
    text = (place.modules / "procDriver/procDriver.c").read_text()
    assert "edition 3" in text
    assert (place.modules / "procDriver/kmod.yml").exists()
    assert not list(place.sources.rglob("kmod.yml"))
    assert (place.sources / "procDriver/procDriver.c").read_text() == text
    assert "obj-m += procDriver/" in (place.sources / "Kbuild").read_text()
    hosts = yaml.safe_load(place.inventory.read_text())["all"]["hosts"]
    assert hosts == {"ready": {"ansible_port": 22152}}


def test_everyone_is_told_hosts_and_size(tmp_path):
    place = Place(*(tmp_path / name for name in Place._fields))
    for who, call in CALLS.items():
        command, _environment = call(Turn("fleet", 2, 1, who), place, 8192)
        said = " ".join(command)
        assert "8192" in said or who == "ping"
        assert "web2" in said or str(place.inventory) in said


def test_a_run_that_is_not_there_ends_it_before_anything_is_done(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("BENCH_RUN", "yesterday")
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path / "results.csv"))
    assert run.main([]) == 2
    assert "BENCH_RUN is yesterday" in capsys.readouterr().err


def test_an_unknown_word_ends_it_before_anything_is_done(monkeypatch, capsys):
    monkeypatch.setenv("BENCH_CASES", "sleep")
    assert run.main([]) == 2
    assert "BENCH_CASES names sleep" in capsys.readouterr().err


def test_only_one_run_at_a_time(tmp_path):
    with alone(tmp_path), pytest.raises(BenchError, match="under way"), alone(tmp_path):
        pass


def test_together():
    assert together(len, ["a", "bcd"]) == {"a": 1, "bcd": 3}
    assert together(len, []) == {}
