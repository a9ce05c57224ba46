# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each thing costs in remote calls, and in bytes that they are given."""

from __future__ import annotations

import pytest

NAMES = ("proc_demo", "simpledriver", "procDriver")
LARGE = [{"name": "simpledriver", "parameters": {"size": 8192}}, "proc_demo", "procDriver"]


@pytest.fixture
def images(host, info):
    """The size of the smallest installed image, in bytes, and the sum of all."""
    found = [one["installed"]["path"] for one in info(*NAMES)["modules"].values()]
    sizes = [host.file(path).size for path in found]
    return min(sizes), sum(sizes)


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/verify.yml", "playbooks/status.yml"])
def test_where_all_is_as_wanted_one_call_says_so(play, playbook):
    done = play(playbook)
    assert (done.status, done.count("changed"), len(done.sent)) == (0, 0, 1), done.output


def test_a_prediction_is_one_call(play):
    assert len(play("deploy.yml", "--check", kmod_modules=LARGE).sent) == 1


def test_a_parameter_is_a_second_call_that_carries_no_image(play, images):
    try:
        done = play("deploy.yml", kmod_modules=LARGE)
        assert (done.status, done.count("changed"), len(done.sent)) == (0, 1, 2), done.output
        print(done.sent, images)
    finally:
        assert play("deploy.yml").status == 0


def test_a_host_that_has_lost_its_builds_is_given_them_in_the_second_call(play, images):
    assert len(play("deploy.yml", kmod_state="absent").sent) == 2
    done = play("deploy.yml")
    assert (done.status, len(done.sent)) == (0, 2), done.output
    print(done.sent, images)


def test_a_build_is_one_call_more(play, images):
    done = play("deploy.yml", kmod_build_flags=["KCFLAGS=-DOTHER"])
    assert (done.status, len(done.sent)) == (0, 3), done.output
    print(done.sent, images)
    assert len(play("deploy.yml").sent) == 2  # the former build is here
