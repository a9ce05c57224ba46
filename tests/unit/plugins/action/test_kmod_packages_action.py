# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who installs packages, and what is said when that fails."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.action import kmod_packages

NAMES = ["linux-headers-6.1", "gcc-12", "make"]
OURS = "procfleet.procfs.kmod_packages"


@pytest.fixture
def sent(monkeypatch):
    """Record what is executed; the answer is the test's."""
    calls, answer = [], {}

    def execute(_self, module_name, module_args, task_vars):
        calls.append((module_name, module_args))
        assert task_vars["inventory_hostname"] == "h1"
        return dict(answer)

    monkeypatch.setattr(kmod_packages.ActionModule, "_execute_module", execute)
    return calls, answer


@pytest.fixture
def run(action, sent):
    def run(**arguments):
        return action(kmod_packages, **arguments).run(None, {"inventory_hostname": "h1"})

    return run


@pytest.mark.parametrize("manager", ["apt", "dnf", "zypper", "pacman", "apk", ""])
@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("failed", [{}, {"failed": True, "msg": "no", "offers": []}])
def test_it_is_one_call(run, sent, manager, state, failed):
    calls, answer = sent
    answer.update(failed)
    run(names=NAMES, manager=manager, state=state)
    assert calls == [(OURS, {"names": NAMES, "manager": manager, "state": state})]


def test_what_is_malformed_is_left_to_the_module(run, sent):
    calls, answer = sent
    answer.update(failed=True, msg="missing required arguments: manager")
    assert run(names=NAMES)["msg"] == "missing required arguments: manager"
    assert calls == [(OURS, {"names": NAMES})]


def test_a_failure_says_what_there_is(run, sent):
    offers = ["linux-headers-6.2", "linux-headers-6.3"]
    sent[1].update(
        failed=True, msg="apt failed: E: Unable to locate package linux-headers-6.1.", offers=offers, release="6.1"
    )
    result = run(names=NAMES, manager="apt", release="6.1")
    assert result["failed"]
    assert result["msg"] == (
        "The packages linux-headers-6.1, gcc-12, make for kernel 6.1 could not be installed on h1: "
        "apt failed: E: Unable to locate package linux-headers-6.1. The host's package source offers: "
        "linux-headers-6.2, linux-headers-6.3. Boot a kernel whose headers are offered, or add the source that still "
        "has them. Nothing was built for that kernel."
    )


@pytest.mark.parametrize("manager", ["pacman", "apk"])
def test_where_only_the_newest_headers_are_a_reboot_is_the_way(run, sent, manager):
    sent[1].update(failed=True, msg="no", offers=[], release="6.6.1-0-lts")
    said = run(names=["make", "linux-lts-dev"], manager=manager, release="6.6.1-0-lts")["msg"]
    assert (
        "offers: none. It has the newest kernel's headers alone: upgrade, and reboot into the installed kernel" in said
    )
