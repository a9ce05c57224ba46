# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records of /dev/kmsg, recorded from 6.1."""

from __future__ import annotations

import os

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _kmsg
from ansible_collections.procfleet.procfs.plugins.module_utils._kmsg import (
    KernelLog,
    Record,
    faults_since,
    log_position,
    parse_record,
)


def test_recorded(data):
    records = [parse_record(line) for line in (data / "kernel/kmsg-6.1").read_text().splitlines()]
    assert records[0][:2] == (6, "procDriver: unloaded")
    assert (6, "simpledriver: loaded, 4096 bytes, mode 0600") in [record[:2] for record in records]
    numbers = [record.sequence for record in records]
    assert numbers == sorted(set(numbers))
    assert None not in records


@pytest.mark.parametrize(
    ("raw", "record"),
    [
        ("4,1,2,-;m: warned\n SUBSYSTEM=x\n DEVICE=y\n", Record(4, "m: warned", 1)),
        ("6,1,2,-,caller=T12;a;b,c", Record(6, "a;b,c", 1)),
        ("2,1,2,c;", Record(2, "", 1)),
        (r"6,1,2,-;a\x0ab", Record(6, r"a\x0ab", 1)),
        ("12,1,2,-;said by user space", None),
        ("30,1,2,-;systemd[1]: x", None),
        ("", None),
        ("nonsense", None),
        ("6,1,2,-", None),
        ("x,1;y", None),
    ],
)
def test_parse(raw, record):
    assert parse_record(raw) == record


def test_only_what_comes_after_opening(tmp_path):
    path = tmp_path / "kmsg"
    path.write_text("6,1,1,-;before\n")
    with KernelLog(str(path)) as log:
        assert log.read() == []
        with path.open("a") as stream:
            stream.write("6,2,1,-;after\n")
        assert log.read() == [Record(6, "after", 2)]
        assert log.read() == []


def test_records_that_were_overwritten_are_skipped(tmp_path, monkeypatch):
    path = tmp_path / "kmsg"
    path.write_text("")
    answers = [BrokenPipeError(), b"6,9,1,-;later\n", BlockingIOError()]

    def read(_descriptor, _size):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with KernelLog(str(path)) as log:
        monkeypatch.setattr(os, "read", read)
        assert log.read() == [Record(6, "later", 9)]


def test_a_flood_is_bounded(monkeypatch):
    monkeypatch.setattr(_kmsg, "_LIMIT", 500)
    with KernelLog("/dev/zero") as log:
        monkeypatch.setattr(os, "read", lambda _descriptor, _size: b"6,1,1,-;again\n")
        assert len(log.read()) == 500


def test_a_log_that_may_not_be_read():
    with KernelLog("/no/such/kmsg") as log:
        assert log.read() == []


def test_what_went_wrong_since_a_position(tmp_path, monkeypatch):
    path = tmp_path / "kmsg"
    path.write_text("4,7,1,-;WARNING: CPU: 0 PID: 1 at m.c:5\n")
    monkeypatch.setattr(_kmsg, "KMSG", str(path))
    assert log_position() == 7
    assert faults_since(None) == []
    assert faults_since(6) == ["WARNING: CPU: 0 PID: 1 at m.c:5"]
    assert faults_since(7) == []
    path.write_text("")
    assert log_position() == -1
