# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page says what was measured, and what was not."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from ansible_collections.procfleet.procfs.bench import page
from ansible_collections.procfleet.procfs.bench.cases import CONTESTANTS
from ansible_collections.procfleet.procfs.bench.figures import blocks
from ansible_collections.procfleet.procfs.bench.picture import picture
from ansible_collections.procfleet.procfs.bench.rows import append
from ansible_collections.procfleet.procfs.tests.marked import END, update


@pytest.fixture
def rows(row):
    """A run that was cut short."""
    made = [row("idle", "ours", 5.0), row("idle", "ping", 3.0, guest_cpu=2.5), row("idle", "role", 50.0)]
    return [*made, row("bare", "ours", 180.0)]


def test_targets(rows, growth):
    text = page.render(rows, [growth("ours", 1000, 300.0), growth("ping", 1000, 100.0)])
    lines = text.splitlines()
    assert "| nothing to do, all three modules asserted | 2 x ping | 1.67 | 1 | met |" in lines
    assert "| nothing to do, all three modules asserted | 0.08 x the role | 0.1 | 1 | **missed** by 25 % |" in lines
    assert "| nothing to do, all three modules asserted | 0.6 x pyinfra | - | - | not measured |" in lines
    assert "| 1000 hosts, controller only | 150 MiB above Ansible's own | 200 MiB | - | **missed** by 33 % |" in lines


def test_a_case(rows):
    lines = page.render(rows, []).splitlines()
    assert "### Nothing to do, 1 host" in lines
    assert "2026-11-24 10:00, 2 cores, 24 GB, no KVM." in lines
    assert "| ping | 1 | 3.0 | 3.0 to 3.0 | 0.60 | 1.00 | 2.5 | 1.0 | 2 | 300 |" in lines
    assert "| dkms | not measured | - | - | - | - | - | - | - | - |" in lines


def test_a_case_of_which_two_runs_are_shown(row):
    rows = [row("bare", "ours", 9.0), row("bare", "floor", 8.0)]
    older = {"run": "2026-11-23T09:00:00Z", "date": "2026-11-23T09:05:00Z"}
    rows += [row("bare", who, 7.0, **older) for who in ("ours", "dkms")]
    first, second = "\n\n".join(page.sections(blocks(rows))).split("2026-11-23 09:00, 2 cores, 24 GB, no KVM.")
    shown = [[who for who in CONTESTANTS if f"\n| {who} |" in part] for part in (first, second)]
    assert shown == [["ours", "role", "pyinfra", "floor"], ["ours", "dkms"]]
    assert first.startswith("### First deploy, bare box, 1 host\n") and "###" not in second
    assert "| role | not measured |" in first


def test_fleets_stand_side_by_side(row):
    rows = [row("bare", "ours", 100.0), row("fleet", "ours", 120.0, 8), row("fleet", "dkms", 480.0, 8)]
    text = page.render(rows, [])
    lines = text.split("### First deploy, bare hosts, by their number")[1].splitlines()
    assert "| seconds | 1 host, 2026-11-24 10:00, 1 round | 8 hosts, 2026-11-24 10:00, 1 round |" in lines
    assert "| ours | 100 (1.00) | 120 (1.00) |" in lines
    assert "| dkms | - | 480 (4.00) |" in lines
    assert "| guest CPU s | 1 host, 2026-11-24 10:00, 1 round | 8 hosts, 2026-11-24 10:00, 1 round |" in lines
    assert "| dkms | - | 10 (1.00) |" in lines
    assert "by their number" not in page.render(rows[1:], [])


def test_programs_stand_side_by_side(rows, share):
    shares = [share("ours", "packages", 70.04, 312), share("ours", "depmod", 5.0), share("floor", "packages", 68.0)]
    found = [*rows, rows[-1]._replace(contestant="floor", guest_cpu=120.0)]
    lines = page.render(found, [], shares=shares).splitlines()
    assert "2026-11-24 10:00, bare box, 1 round. CPU seconds, and in brackets how many processes." in lines
    assert "|  | ours | floor |" in lines
    assert "| packages | 70.0 (312) | 68.0 (1) |" in lines
    assert "| depmod | 5.0 (1) | - |" in lines
    assert "| counted by the host in all | 10.0 | 120.0 |" in lines
    assert not [line for line in lines if line.startswith("| make |")]


def test_what_hosts_cost(growth):
    text = page.cost([growth("ours", 10, 60.0), growth("ping", 10, 55.0)])
    assert "| 10 | ours | 1 | 6.5 | 2.2 | 60 | 200 | 2.00 | 2026-11-24 |" in text.splitlines()
    assert "only pings by: 5 MiB at 10 hosts." in text
    assert "settings" not in text


def test_what_other_settings_would_do_stands_beside_ansible_cfg(growth):
    rows = [growth("ours", 10, 60.0), growth("ours", 30, 60.0), growth("ours", 30, 60.0, "forks 5", cpu=4.5)]
    first, settings = page.cost(rows).split("### Other settings")
    assert "| 10 | ours |" in first and "| 30 |" not in first and "| 10 |" not in settings
    assert "| 30 | ours | ansible.cfg | 1 | 6.5 | 2.2 | 1.00 | 1.00 | 200 | 2.00 | 2026-11-24 |" in settings
    assert "| 30 | ours | forks 5 | 1 | 6.5 | 4.5 | 1.00 | 2.00 | 200 | 2.00 | 2026-11-24 |" in settings
    assert page.cost(rows[1:]).startswith("2 cores.\n\n### Other settings")  # and no table with nothing in it


def test_what_was_not_measured_is_said(rows):
    text = page.render(rows, [])
    assert "Not measured: one parameter changed; first deploy, headers there; one source line" in text
    assert text.endswith("Not measured.")
    assert "No case was measured." in page.render([], [])
    assert "bench.svg" not in page.render([], [])


def test_a_profile_stands_as_it_was_measured():
    text = page.render([], [], "2026-11-24, 2 cores\nsession 0.1 s\n")
    assert "## Where one remote call goes\n\n```text\n2026-11-24, 2 cores\nsession 0.1 s\n```\n" in text


@pytest.mark.parametrize(
    ("value", "limit", "said"),
    [
        (None, 2, "not measured"),
        (2.0, 2, "met"),
        (3.0, 2, "**missed** by 50 %"),
        (2.004, 2, "**missed** by 0.2 %"),
        (0, 0, "met"),
        (1, 0, "**missed**"),
    ],
)
def test_verdicts(value, limit, said):
    assert page.verdict(value, limit) == said


def test_the_picture_has_a_panel_for_each_case(rows):
    tree = ET.fromstring(picture(blocks(rows)))  # noqa: S314 - our own text
    texts = [one.text for one in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert "nothing to do, 1 host (2026-11-24 10:00)" in texts
    assert "first deploy, bare box, 1 host (2026-11-24 10:00)" in texts
    assert "Seconds, medians; 2 cores, 24 GB, no KVM" in texts
    assert "50.0 (10 x ours)" in texts
    widths = [float(one.get("width")) for one in tree.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[1] == pytest.approx(10 * widths[0], rel=0.01)  # ours, role


def test_the_program(tmp_path, monkeypatch, rows):
    for name in ("RESULTS", "PROGRAMS", "GROWTH", "PAGE", "PICTURE"):
        monkeypatch.setattr(page, name, tmp_path / name)
    page.PAGE.write_text(f"before\n{page.BEGIN}\nold\n{END}\nafter\n")
    for one in rows:
        append(page.RESULTS, one)
    assert page.main() == 0
    text = page.PAGE.read_text()
    assert text.startswith("before\n") and text.endswith(f"{END}\nafter\n") and "old" not in text
    assert page.PICTURE.read_text().startswith("<svg ")


def test_the_committed_page_has_its_place():
    source = page.ROOT / "docs/bench.md"
    assert update(source.read_text(encoding="utf-8"), page.BEGIN, "new")
    with pytest.raises(ValueError, match="once each"):
        update("", page.BEGIN, "new")
