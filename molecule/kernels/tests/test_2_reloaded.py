# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Another parameter is predicted, and a reload of the same build brings it."""

from __future__ import annotations

import pytest

ENTRY = "/proc/simpledriver_dir/simpledriver_file"
OPEN = [{"name": "simpledriver", "parameters": {"mode": "0644"}}, "proc_demo", "procDriver"]


@pytest.fixture(scope="module")
def predicted(played):
    """What check mode says of the other parameter."""
    return played("deploy.yml", "--check", "--diff", kmod_modules=OPEN)


@pytest.fixture(scope="module")
def reloaded(predicted, played):
    """The deploy with it; what was predicted has to be known before."""
    return played("deploy.yml", kmod_modules=OPEN)


def test_it_is_predicted(predicted, name):
    assert predicted.of(name)["changed"] == 1
    assert "parameter mode is 384 instead of 0644" in predicted.output


def test_it_is_there(reloaded, name, host, info, deployed):
    counts = reloaded.of(name)
    assert (counts["changed"], counts["failed"]) == (1, 0), reloaded.output
    module = info("simpledriver")["modules"]["simpledriver"]
    assert module["parameters"]["mode"] == "420"
    assert module["build_id"] == deployed[name]["modules"]["simpledriver"]["loaded"]["build_id"]
    with host.sudo():
        assert host.file(ENTRY).mode == 0o644
