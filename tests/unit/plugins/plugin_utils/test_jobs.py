# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host that builds for several kernels: none of its jobs hides another one."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._jobs import together

MINE, THEIRS = "a" * 64, "b" * 64
PLAN = {"build": [{"name": "m", "fingerprint": MINE}]}


def job(fingerprint, **result):
    """The result of one item of the loop, as Ansible registers it."""
    return {"ansible_loop_var": "job", "job": {"modules": [{"name": "m", "fingerprint": fingerprint}]}, **result}


def built(fingerprint, seconds=1.0):
    return job(fingerprint, modules={"m": {"fingerprint": fingerprint}}, failed_modules={}, seconds=seconds)


def unbuilt(fingerprint, said):
    return job(fingerprint, modules={}, failed_modules={"m": [said]}, unbuilt=said)


@pytest.mark.parametrize("result", [{}, {"skipped": True, "results": []}, {"failed": True, "msg": "no"}])
def test_what_is_no_loop_is_left_as_it_is(result):
    assert together(result, PLAN) == result


@pytest.mark.parametrize("reverse", [False, True])
def test_the_hosts_own_build_is_told_by_its_fingerprint(reverse):
    jobs = [built(MINE, 1.0), built(THEIRS, 2.0), unbuilt(THEIRS, "no")]
    whole = together({"results": jobs[::-1] if reverse else jobs, "changed": True}, PLAN)
    assert whole == {
        "changed": True,
        "modules": {"m": {"fingerprint": MINE}},
        "failed_modules": {},
        "unbuilt": ["no"],
        "seconds": 3.0,
    }
    assert together({"results": jobs}, {})["modules"] == {}


def test_jobs_that_failed_as_a_whole():
    jobs = [unbuilt(MINE, "no headers"), built(THEIRS), unbuilt(THEIRS, "no room"), unbuilt(THEIRS, "no room")]
    whole = together({"results": jobs}, PLAN)
    assert (whole["failed_modules"], whole["unbuilt"]) == ({"m": ["no headers"]}, ["no headers", "no room"])
    assert "failed" not in whole


@pytest.mark.parametrize("flag", ["failed", "unreachable"])
def test_a_loop_that_failed_says_why(flag):
    lost = job(THEIRS, msg="timed out", **{flag: True})
    whole = together({"results": [built(MINE), lost], flag: True, "msg": "One or more items failed"}, PLAN)
    assert (whole[flag], whole["msg"], list(whole["modules"])) == (True, "timed out", ["m"])
