# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a user is told of a kernel that is to be booted: it may be, or every reason why it must not."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.procfleet.procfs.plugins.action import kmod_preflight
from ansible_collections.procfleet.procfs.tests.states import ABSENT

OURS = {"path": "/lib/modules/6.12/updates/procfleet/m.ko", "build_id": "b" * 40, "vermagic": "6.12 SMP "}
THERE = {**ABSENT, "installed": OURS, "fingerprint": "f" * 64, "resolves_to": OURS["path"], "persist": {"load": True}}
PLAN = {"fingerprints": {"m": "f" * 64}, "reasons": {}, "prediction": {"before": "", "after": "m: prepared\n"}}
KERNEL = {"release": "6.12", "running": "6.1", "vermagic": "6.12 SMP "}


@pytest.fixture
def ask(action):
    def run(state, check=False, plan=PLAN, **more):
        seen = {"kernel": KERNEL, "kernels": ["6.12", "6.1"], "modules": {"m": state}}
        task = action(kmod_preflight, check=check, seen=seen, plan=plan, **more)
        return task.run(task_vars={"inventory_hostname": "web1"})

    return run


def test_it_may_be_booted(ask):
    result = ask(THERE)
    assert result["msg"].splitlines()[0] == "kernel 6.12 may be booted (running: 6.1)"
    assert result["changed"] is False


def test_it_must_not_be_booted(ask):
    with pytest.raises(AnsibleActionFail, match=r"Kernel 6.12 must not be booted on web1:\nm is not prepared"):
        ask(ABSENT)


def test_a_prediction(ask):
    result = ask(ABSENT, check=True, plan={**PLAN, "reasons": {"m": ["build not installed"]}})
    assert (result["changed"], result["diff"]) == (True, PLAN["prediction"])


def test_what_the_host_will_refuse_is_predicted(ask):
    refused = {"reasons": {"m": ["the next boot goes by `blacklist m` in /x"]}, "refused": {"m": "m cannot be set."}}
    with pytest.raises(AnsibleActionFail, match=r"must not be booted on web1:\nm cannot be set"):
        ask(ABSENT, check=True, plan={**PLAN, **refused})


def test_a_prediction_where_only_headers_tell(ask):
    result = ask(ABSENT, check=True, plan={**PLAN, "fingerprints": {}, "headers": ["linux-headers-6.12"]})
    assert (result["changed"], result["msg"][:27]) == (True, "the headers of 6.12 would b")


def test_a_reboot_is_not_predicted_of_what_is_not_prepared(ask):
    with pytest.raises(AnsibleActionFail, match="m is not prepared: build not installed"):
        ask(ABSENT, check=True, plan={**PLAN, "reasons": {"m": ["build not installed"]}}, now=True)
