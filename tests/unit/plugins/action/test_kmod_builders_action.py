# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is settled for all hosts at once: from those that were looked at, and from what the store holds."""

from __future__ import annotations

import base64

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.procfleet.procfs.plugins.action import kmod_builders
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore

PRINT = "a" * 64
BUILD = {"name": "tiny", "fingerprint": PRINT, "depends": [], "folder": "/src"}
SEEN = {
    "kernel": {"release": "6.1", "arch": "x86_64", "compiler": {"name": "gcc"}},
    "headers": {"present": True, "make": "m", "compiler": "c"},
    "os": {"id": "debian", "version": "12"},
}
PLAN = {"build": [BUILD], "flags": [], "packages": [], "manager": "apt", "sign": []}
JOB = {"release": "6.1", "flags": [], "packages": [], "manager": "apt", "modules": [BUILD]}
PLANNED = {"__kmod_seen": SEEN, "__kmod_plan": PLAN}


@pytest.fixture
def store(tmp_path):
    return ImageStore(str(tmp_path / "store"))


@pytest.fixture
def run(action, store, hostvars):
    def run(hosts, check=False, batch=None, groups=None, **more):
        names = batch or list(hosts)
        variables = {"hostvars": hostvars(hosts), "ansible_play_batch": names, "groups": groups or {}}
        return action(kmod_builders, check=check, store=str(store.folder), **more).run(None, variables)

    return run


def test_one_job(run):
    result = run({"a": PLANNED, "b": PLANNED})
    assert (result["jobs"], result["own"]) == ({"a": [JOB]}, {})
    assert (result["changed"], result["damaged"], result["warnings"]) == (False, [], [])


@pytest.mark.parametrize(("loads", "check", "own"), [(True, False, True), (False, False, False), (True, True, False)])
def test_a_host_that_builds_for_itself_alone_does_so_as_it_loads(run, loads, check, own):
    """A prediction names its jobs; and what only builds, for a kernel to come, has no load after it."""
    result = run({"a": PLANNED}, check=check, loads=loads)
    assert (result["jobs"], result["own"]) == (({}, {"a": JOB}) if own else ({"a": [JOB]}, {}))


@pytest.mark.parametrize(
    "lost",
    [
        {},
        {"__kmod_seen": SEEN},
        {"__kmod_seen": SEEN, "__kmod_plan": {"failed": True, "msg": "no"}},
        {"__kmod_seen": {}, "__kmod_plan": {"skipped": True}},
        {"__kmod_plan": PLANNED["__kmod_plan"]},
    ],
)
def test_hosts_that_failed_earlier_build_nothing(run, lost):
    assert list(run({"lost": lost, "a": PLANNED})["jobs"]) == ["a"]
    with pytest.raises(AnsibleActionFail, match="No host of the play was looked at"):
        run({"lost": lost})


def test_hosts_of_another_batch_build_nothing(run):
    """With `serial` they have a plan as well, but their turn is over."""
    assert list(run({"before": PLANNED, "a": PLANNED}, batch=["a"])["jobs"]) == ["a"]


def test_other_variables(run):
    hosts = {"a": {"p": PLANNED["__kmod_plan"], "s": SEEN}}
    assert list(run(hosts, plan="p", seen="s")["jobs"]) == ["a"]


def test_no_builder_fits(run):
    result = run({"a": PLANNED}, builders="makers", groups={"makers": ["away"]})
    assert "No builder fits a" in result["refused"]["a"]


@pytest.mark.parametrize("groups", [{}, {"makers": []}])
def test_a_group_of_builders_that_is_not_there_is_an_error(run, groups):
    with pytest.raises(AnsibleActionFail, match="no host in a group of that name"):
        run({"a": PLANNED}, builders="makers", groups=groups)


def test_what_the_store_holds_is_not_built_and_what_is_damaged_is(run, store, image):
    store.put("tiny", PRINT, base64.b64encode(image).decode(), sha256(image))
    assert run({"a": PLANNED})["jobs"] == {}
    (path,) = store.folder.rglob("*.ko")
    path.write_bytes(image[:-1])
    result = run({"a": PLANNED})
    assert list(result["jobs"]) == ["a"]
    assert result["damaged"] == ["tiny"]
    assert "tiny in the store is not what was put there" in result["warnings"][0]


@pytest.mark.parametrize("check", [False, True])
def test_a_host_for_which_nothing_can_be_signed_neither_builds_nor_waits(run, check):
    """It goes no further, so the next one that needs the build makes it."""
    signs = {"__kmod_plan": {**PLAN, "sign": [{"name": "tiny", "build": PRINT, "fingerprint": "b" * 64}]}}
    own = {"sign_key": "/no/key", "sign_cert": "/no/c", "sign_file": ""}
    bad = {**PLANNED, **signs, "__kmod_wanted": {"own": own}}
    result = run({"a": bad, "b": PLANNED}, check=check)
    assert list(result["jobs"]) == ["b"]
    assert list(result["refused"]) == ["a"]
    assert "cannot be" in result["refused"]["a"] or "sign-file" in result["refused"]["a"]


@pytest.mark.parametrize("check", [False, True])
def test_what_an_earlier_run_noted_is_forgotten(run, store, check):
    store.note_failure("tiny", PRINT, "b1", ["of last week"])
    run({"a": PLANNED}, check=check)
    assert ("of last week" in store.failure("tiny", PRINT)) is check
