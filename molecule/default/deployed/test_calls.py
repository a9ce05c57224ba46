# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each thing costs in remote calls, and in bytes that they are given."""

from __future__ import annotations

import pytest

NAMES = ("proc_demo", "simpledriver", "procDriver")
LARGE = [{"name": "simpledriver", "parameters": {"size": 8192}}, "proc_demo", "procDriver"]


@pytest.fixture
def images(info, host):
    """The sizes of the three installed images, in bytes."""
    return [host.file(one["installed"]["path"]).size for one in info(*NAMES)["modules"].values()]


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/verify.yml", "playbooks/status.yml"])
def test_where_all_is_as_wanted_one_call_says_so(play, playbook):
    done = play(playbook)
    assert (done.status, done.count("changed"), len(done.sent)) == (0, 0, 1), done.output


def test_a_prediction_is_one_call(play):
    done = play("deploy.yml", "--check", kmod_modules=LARGE)
    assert (done.status, done.count("changed"), len(done.sent)) == (0, 1, 1), done.output


def test_a_parameter_is_a_second_call_and_lost_builds_are_what_it_carries(play, images):
    changed = play("deploy.yml", kmod_modules=LARGE)
    assert (changed.status, changed.count("changed"), len(changed.sent)) == (0, 1, 2), changed.output
    gone = play("deploy.yml", kmod_state="absent")
    assert (gone.status, len(gone.sent)) == (0, 2), gone.output
    lost = play("deploy.yml")
    assert (lost.status, len(lost.sent)) == (0, 2), lost.output
    carried = max(lost.sent) - max(changed.sent)
    assert carried > sum(images), (changed.sent, lost.sent, images)  # in base64; without them it carries none


def test_a_build_with_the_packages_that_it_lacks_is_made_in_the_call_that_loads(play, host, images):
    with host.sudo():
        host.check_output("apt-get -qq -y purge make")
    done = play("deploy.yml", kmod_build_flags=["KCFLAGS=-DOTHER"])
    assert (done.status, len(done.sent)) == (0, 2), done.output
    assert host.package("make").is_installed
    back = play("deploy.yml")
    assert (back.status, len(back.sent)) == (0, 2), back.output  # the former build is here
    carried = max(done.sent) - max(back.sent)
    assert carried < sum(images), (done.sent, back.sent, images)  # sources; images in base64 would be more
