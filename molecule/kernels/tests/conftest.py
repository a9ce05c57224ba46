# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machines of this scenario, one deploy on all of them, and what came of each as a table."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from ansible_collections.procfleet.procfs.tests import kernels

EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
LAB = yaml.safe_load((Path(__file__).parents[1] / "inventory/hosts.yml").read_text(encoding="utf-8"))["lab"]
MACHINES = list(LAB["hosts"])
LEFT_OUT = kernels.left_out(os.environ.get("KERNELS_WITHOUT", ""), MACHINES)
MISSING = {path.name: path.read_text() for path in (EPHEMERAL / "missing").glob("*") if path.name not in LEFT_OUT}

facts = defaultdict(dict)  # machine -> what it told of itself
parts = {}  # machine -> its part of the deploy's record
tests = {name: {"passed": [], "failed": []} for name in MACHINES}


def pytest_configure(config):
    """Ask the machines that are there; what Molecule names are all of the inventory."""
    there = [name for name in MACHINES if name not in MISSING and name not in LEFT_OUT]
    if not there:
        pytest.exit(f"no machine to test: {MISSING or 'all were left out'}", returncode=1)
    config.option.hosts = ",".join(there)


def pytest_generate_tests(metafunc):
    """A test of `machine` is of each that was to be made."""
    if "machine" in metafunc.fixturenames:
        metafunc.parametrize("machine", [name for name in MACHINES if name not in LEFT_OUT])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Count each test for its machine."""
    report = yield
    given = item.callspec.params
    name = given["machine"] if "machine" in given else given["_testinfra_host"].backend.host
    if report.failed or (report.passed and report.when == "call"):
        tests[name][report.outcome].append(item.originalname)
    return report


def pytest_terminal_summary(terminalreporter):
    """Print the table, and leave it for `make kernels-page`."""
    run = {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "size": _size(), "rows": [_row(name) for name in MACHINES]}
    kernels.LAST.parent.mkdir(exist_ok=True)
    kernels.LAST.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    terminalreporter.write_line(f"\n{kernels.table(run)}\n")


def _row(name):
    absent = "left out" if name in LEFT_OUT else ""
    if name in MISSING:
        absent = f"FAILED: {MISSING[name].partition('. ')[0]}"  # the failed test has all of it
    return kernels.row(name, facts[name], parts.get(name, {}), tests[name], absent)


def _size():
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kvm = {one.get("virtualisation") for one in facts.values()} == {"kvm"}
    machine = f"{os.cpu_count()} cores, {memory:.0f} GB, {'KVM' if kvm else 'no KVM'}"
    guest = f"{LAB['vars']['lab_cpus']} core and {LAB['vars']['lab_memory']} MB"
    return f"{machine}; each virtual machine has {guest}, and all are deployed to at once"


@pytest.fixture(scope="session")
def missing():
    """Machine -> why it could not be made."""
    return MISSING


@pytest.fixture(scope="session")
def told():
    """Machine -> what it tells of itself, for the table."""
    return facts


@pytest.fixture(scope="session")
def deployed(play, request):
    """Deploy on all machines at once, with an empty store; return each one's part of the record."""
    shutil.rmtree(EPHEMERAL / "store", ignore_errors=True)
    report = EPHEMERAL / "report"
    done = play("deploy.yml", "--limit", request.config.option.hosts, kmod_report_dir=str(report))
    assert (report / "record.json").exists(), done.output
    parts.update({one["name"]: one for one in json.loads((report / "record.json").read_text())["hosts"]})
    return parts


@pytest.fixture(scope="session")
def played(play, deployed, request):
    """Return a function that runs a playbook on all machines that are there, once they were deployed to."""

    def run(playbook, *options, **variables):
        return play(playbook, "--limit", request.config.option.hosts, *options, **variables)

    return run


@pytest.fixture
def name(host):
    """The machine's name in the inventory."""
    return host.backend.host
