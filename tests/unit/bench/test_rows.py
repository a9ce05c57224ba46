# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rows are kept one by one, and read as they were written."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.bench.rows import Growth, Row, Share, append, read, same_run


def test_rows_come_back(tmp_path, row, share, growth):
    path = tmp_path / "new/results.csv"
    assert read(path, Row) == []
    written = [row("idle", "ours", 5.25), row("bare", "floor", 170.0, hosts=4, compiled=4)]
    for one in written:
        append(path, one)
    assert read(path, Row) == written
    assert len(path.read_text().splitlines()) == 3
    append(tmp_path / "programs.csv", share("ours", "make", 30.5, 200))
    assert read(tmp_path / "programs.csv", Share) == [share("ours", "make", 30.5, 200)]
    append(tmp_path / "growth.csv", growth("ours", 10, 60.5))
    assert read(tmp_path / "growth.csv", Growth) == [growth("ours", 10, 60.5)]


@pytest.mark.parametrize("text", ["", "run,date\n", "idle\n"])
def test_other_columns_are_refused(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ValueError, match="other columns"):
        read(tmp_path / "x.csv", Row)


@pytest.mark.parametrize("change", [("5.5", "fast"), (",5.5,1.0", "")])
def test_a_broken_row_is_refused_with_its_line(tmp_path, row, change):
    path = tmp_path / "x.csv"
    append(path, row("idle", "ours", 5.5))
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ValueError, match=r"x\.csv:2"):
        read(path, Row)


def test_only_rows_of_one_run_are_compared(row):
    first = [row("idle", "ours", 5.0), row("idle", "role", 80.0)]
    later = [row("idle", "ours", 6.0, run="2026-11-25"), row("idle", "ping", 3.0, run="2026-11-25")]
    without_us = [row("idle", "role", 70.0, run="2026-11-26")]
    assert same_run([*first, *later, *without_us], "idle", 1) == later
    assert same_run(first, "idle", 4) == []
    assert same_run(without_us, "idle", 1) == []


def test_a_shorter_look_does_not_take_the_place_of_all_rounds(row):
    full = [row("bare", "ours", 9.0, round=number) for number in (1, 2, 3)]
    look = [row("bare", "ours", 8.0, run="2026-11-25"), row("bare", "role", 8.0, run="2026-11-25")]
    assert same_run([*full, *look], "bare", 1) == full
    again = [one._replace(run="2026-11-26") for one in full]
    assert same_run([*again, *full, *look], "bare", 1) == again
