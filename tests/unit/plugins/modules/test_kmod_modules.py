# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shells of kmod, kmod_build and kmod_info: arguments in; one result, or one clear failure."""

from __future__ import annotations

import json
import os

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.procfleet.procfs.plugins.module_utils import (
    _build,
    _building,
    _command,
    _kmod,
    _lock,
    _packages,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._dkms import note_of
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.modules import kmod, kmod_build, kmod_dkms, kmod_info, kmod_packages


@pytest.fixture
def run(capsys, host, monkeypatch):
    lock = str(host / "lock")
    monkeypatch.setattr(_kmod, "host_lock", lambda timeout: _lock.host_lock(timeout, lock))
    for module in (_building, kmod_dkms):
        monkeypatch.setattr(module, "host_lock", lambda timeout: _lock.host_lock(timeout, lock))

    def run(module, **arguments):
        basic._ANSIBLE_ARGS = None
        with patch_module_args(arguments), pytest.raises(SystemExit) as caught:
            module.main()
        return caught.value.code, json.loads(capsys.readouterr().out)

    return run


def test_kmod_info(run):
    code, result = run(kmod_info, modules=["snd-none"], kconfig=["CONFIG_X"])
    assert code == 0
    assert result["kernel"]["release"] == os.uname().release
    assert result["modules"]["snd_none"]["state"] == "absent"
    assert result["changed"] is False


def test_kmod_info_that_asserts(run):
    gone = {"path": "/proc/none", "state": "gone"}
    module = {"name": "m", "sources": {}, "depends": [], "entries": [gone]}
    expected = {"modules": [module], "flags": [], "certificate": ""}
    assert run(kmod_info, modules=["m"])[1]["asserted"] is None
    held = run(kmod_info, modules=["m"], expected=expected)[1]["asserted"]
    assert [(one["path"], one["holds"]) for one in held["entries"]] == [("/proc/none", True)]
    module["entries"] = [gone, {"path": "/proc/version"}]
    assert run(kmod_info, modules=["m"], expected=expected)[1]["asserted"] is None  # m does not run


def test_kmod_info_of_what_makes_no_sense(run):
    code, result = run(kmod_info, modules=["m"], expected={"modules": []})
    assert (code, result["failed"]) == (1, True)
    assert result["msg"] == "What is expected makes no sense. Give it as kmod_contract returns it."


def test_kmod_info_of_a_name_that_is_none(run):
    code, result = run(kmod_info, modules=["../x"])
    assert (code, result["failed"]) == (1, True)
    assert "'../x' is not a module name" in result["msg"]


@pytest.mark.parametrize(("names", "check", "changed"), [([], False, False), (["gcc"], True, True)])
def test_kmod_packages_that_does_nothing(run, names, check, changed):
    code, result = run(kmod_packages, names=names, manager="dnf", _ansible_check_mode=check)
    assert (code, result["changed"], result["added"], result["removed"]) == (0, changed, [], [])


def test_kmod_packages_of_a_manager_that_is_not_here(run):
    code, result = run(kmod_packages, names=["gcc"], manager="zypper")
    assert (code, result["failed"]) == (1, True)
    assert result["msg"] == "rpm is not installed. Install the package that brings it."


@pytest.mark.parametrize("check", [False, True])
def test_kmod_dkms_that_has_nothing_to_take_back(run, check):
    code, result = run(kmod_dkms, modules=[{"name": "snd-none"}], state="absent", _ansible_check_mode=check)
    assert (code, result["changed"], result["failed_modules"]) == (0, False, {})
    assert result["modules"] == {"snd_none": {"changed": False, "version": None, "built": []}}


@pytest.mark.parametrize("note", [{}, {"name": "m", "version": "1.0-abc", "sources": {}, "depends": {}, "flags": []}])
def test_kmod_dkms_of_a_note_that_makes_no_sense(run, note):
    code, result = run(kmod_dkms, modules=[{"name": "m", "note": note}])
    assert (code, result["msg"]) == (1, "The note of m makes no sense. Give it as kmod_plan returns it.")


def test_kmod_dkms_of_nothing_and_where_dkms_is_not(run, monkeypatch):
    monkeypatch.setattr(_command, "SYSTEM_PATH", "/nowhere")
    assert run(kmod_dkms, modules=[])[1]["msg"] == "The list of modules is empty. Name at least one."
    note = note_of("m", "1.0", {"m": {"Kbuild": "a" * 64}}, {"m": []}, [])
    code, result = run(kmod_dkms, modules=[{"name": "m", "note": note}])
    assert (code, result["msg"]) == (1, "dkms is not installed. Install the package that brings it.")


def test_kmod_leaves_what_is_absent_alone(run, host):
    code, result = run(kmod, modules=[{"name": "none"}], state="absent")
    assert (code, result["changed"], result["failed_modules"]) == (0, False, {})
    assert result["modules"]["none"]["state"] == "absent"


@pytest.mark.parametrize("check", [False, True])
def test_kmod_of_an_image_that_is_not_there(run, host, check):
    code, result = run(kmod, modules=[{"name": "none", "path": "/no/none.ko"}], _ansible_check_mode=check)
    assert code == 1
    assert result["msg"] == "There is no /no/none.ko: none was not built here. Build it, or give `path`."
    assert not (host / "etc").exists()


def test_kmod_of_nothing(run):
    code, result = run(kmod, modules=[])
    assert (code, result["msg"]) == (1, "The list of modules is empty. Name at least one.")


def test_kmod_of_an_image_that_arrived_damaged(run, host):
    code, result = run(kmod, modules=[{"name": "m", "image": "%%%"}])
    assert code == 1
    assert "The image of m arrived damaged" in result["msg"]
    assert "%%%" not in json.dumps(result)


@pytest.mark.parametrize(("partial", "code"), [(False, 1), (True, 0)])
def test_what_fails_of_kmod(run, monkeypatch, partial, code):
    failed = {"changed": False, "modules": {}, "failed_modules": {"m": {"msg": "no"}}, "taint": {}, "diff": []}
    monkeypatch.setattr(kmod, "manage", lambda _modules, _options: failed)
    got, result = run(kmod, modules=[{"name": "m"}], partial=partial)
    assert (got, result["failed_modules"]) == (code, {"m": {"msg": "no"}})
    assert result.get("msg") == (None if partial else "m: no")


def test_details_reach_the_result(run, monkeypatch):
    def fail(*_arguments):
        raise KmodError("It failed", "why", "Do", log=["line"], reboot_needed=True)

    monkeypatch.setattr(kmod, "manage", fail)
    code, result = run(kmod, modules=[{"name": "m"}])
    assert (code, result["msg"], result["log"], result["reboot_needed"]) == (1, "It failed: why. Do.", ["line"], True)


ASKED = {"name": "a-b", "folder": "/x", "fingerprint": "f" * 64}


NOTHING_DONE = {"changed": False, "failed_modules": {}}
NEW = {"changed": True, "added": ["make=4"]}


def test_the_request_of_kmod_build(run, monkeypatch):
    requests = []
    monkeypatch.setattr(_build, "build_missing", lambda request: (requests.append(request), dict(NOTHING_DONE))[1])
    code, _result = run(
        kmod_build, modules=[{**ASKED, "depends": ["c-d"]}], release="6.1", flags=["W=1"], jobs=2, timeout=7
    )
    assert code == 0
    modules = {"a_b": {"fingerprint": "f" * 64, "depends": ["c_d"]}}
    assert requests[0]._asdict() == {
        "modules": modules,
        "archive": "",
        "release": "6.1",
        "headers": requests[0].headers,
        "flags": ["W=1"],
        "jobs": 2,
        "timeout": 7,
    }
    assert requests[0].headers.endswith("/modules/6.1/build")


@pytest.mark.parametrize("packages", [[], ["make"]])
def test_kmod_build_in_check_mode(run, host, packages):
    code, result = run(kmod_build, modules=[ASKED], packages=packages, release="6.1", _ansible_check_mode=True)
    assert (code, result["changed"], result["runs"], result["added"]) == (0, True, 0, [])
    assert os.listdir(host) == []


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"modules": []}, "The list of modules is empty"),
        ({"modules": [{**ASKED, "name": "../x"}]}, "is not a module name"),
        ({"modules": [ASKED], "release": "../../etc"}, "is not a kernel release"),
        ({"modules": [ASKED], "release": "6.1"}, "No headers for kernel 6.1"),
        ({"modules": [{"name": "a"}]}, "missing required arguments: folder"),
    ],
)
def test_what_kmod_build_refuses(run, arguments, part):
    code, result = run(kmod_build, **arguments)
    assert code == 1
    assert part in result["msg"]


@pytest.mark.parametrize("packages", [[], ["make"]])
def test_packages_are_a_change_where_the_builds_are_there(run, monkeypatch, packages):
    monkeypatch.setattr(_build, "predict", lambda _request: dict(NOTHING_DONE))
    _code, result = run(kmod_build, modules=[ASKED], packages=packages, _ansible_check_mode=True)
    assert result["changed"] is bool(packages)


@pytest.mark.parametrize(("headers", "release"), [({}, "6.1"), ({"headers": "/opt/headers"}, "")])
def test_headers_elsewhere_are_not_looked_for_in_packages(run, monkeypatch, headers, release):
    asked = []
    monkeypatch.setattr(_building, "bring", lambda *words: asked.append(words) or NEW)
    code, result = run(kmod_build, modules=[ASKED], packages=["make"], manager="apt", release="6.1", **headers)
    assert asked == [("apt", ["make"], True, release, 1800)]
    # There are none, so the build fails; what was installed is told all the same.
    assert (code, result["changed"], result["added"]) == (1, True, ["make=4"])


def test_kmod_build_installs_first(run, monkeypatch):
    steps = []
    monkeypatch.setattr(_building, "bring", lambda *words: steps.append(words) or NEW)
    monkeypatch.setattr(_build, "build_missing", lambda _request: steps.append("build") or dict(NOTHING_DONE))
    code, result = run(kmod_build, modules=[ASKED], packages=["make"], manager="apt", release="6.1", timeout=7)
    assert (code, result["changed"], result["added"]) == (0, True, ["make=4"])
    assert steps == [("apt", ["make"], True, "6.1", 7), "build"]


def test_kmod_build_without_the_headers_that_it_is_to_install(run, monkeypatch, host):
    monkeypatch.setattr(_packages, "MANAGERS", {"none": _packages.Manager(["false"], [], ["true"], ["echo"])})
    code, result = run(kmod_build, modules=[ASKED], packages=["linux-headers-6.1"], manager="none", release="6.1")
    assert (code, result["msg"], result["offers"]) == (1, "none failed.", ["linux-headers-"])
    assert not (host / "state").exists()


def test_what_fails_of_kmod_build(run, monkeypatch):
    failed = {**NOTHING_DONE, "failed_modules": {"a": ["a.c:1: no"]}, "log": "/l"}
    monkeypatch.setattr(_build, "build_missing", lambda _request: failed)
    code, result = run(kmod_build, modules=[ASKED])
    assert code == 1
    assert "    a.c:1: no" in result["msg"].splitlines()


@pytest.fixture
def built(run, monkeypatch):
    """Run kmod on a, and on b that needs it, with a build of a; return status, result, and what was managed then."""
    managed = []
    done = {"changed": False, "modules": {}, "failed_modules": {}, "asserted": {"failed_entries": 0}}
    monkeypatch.setattr(kmod, "manage", lambda modules, _options: managed.extend(modules) or dict(done))

    def built(answer, modules=({"name": "a-b"}, {"name": "c", "depends": ["a-b"]}, {"name": "d"}), **more):
        if answer:
            monkeypatch.setattr(_build, "build_missing", lambda _request: answer)
        monkeypatch.setattr(_building, "bring", lambda *_words: dict(NEW))
        code, result = run(kmod, **{"modules": modules, "build": {"modules": [ASKED], "release": "6.1"}, **more})
        return code, result, [one["name"] for one in managed]

    return built


def test_kmod_builds_first(built):
    code, result, managed = built({**NOTHING_DONE, "changed": True, "modules": {"a_b": {}}}, archive="c291cmNlcw==")
    assert (code, result["changed"], managed) == (0, True, ["a-b", "c", "d"])
    assert result["built"] == {**NOTHING_DONE, "changed": True, "modules": {"a_b": {}}, "added": []}
    assert "c291cmNlcw" not in json.dumps(result)
    assert result["seconds"] >= 0


def test_kmod_leaves_out_what_does_not_build_and_what_needs_it(built):
    code, result, managed = built({**NOTHING_DONE, "modules": {}, "failed_modules": {"a_b": ["a.c:1: no"]}})
    assert (code, managed) == (0, ["d"])
    assert result["built"]["failed_modules"] == {"a_b": ["a.c:1: no"]}


def test_kmod_of_which_nothing_builds(built):
    code, result, managed = built({**NOTHING_DONE, "modules": {}}, modules=[{"name": "a-b"}])
    assert (code, managed, result["modules"], result["asserted"]["entries"]) == (0, [], {}, [])


def test_kmod_goes_on_where_nothing_can_be_built(built):
    """The headers are not there, whatever was installed for them."""
    packages = {"modules": [ASKED], "release": "6.1", "packages": ["make"], "manager": "apt"}
    code, result, managed = built(None, build={**packages, "headers": "/no"})
    assert code == 0
    assert managed == ["d"]
    assert result["changed"] is True
    said = {key: result["built"][key] for key in ("failed", "modules", "failed_modules", "changed", "added")}
    assert said == {"failed": True, "modules": {}, "failed_modules": {}, **NEW}
    assert "No headers for kernel 6.1" in result["built"]["msg"]


@pytest.mark.parametrize(
    ("build", "part"),
    [
        ({"modules": [{"name": "a"}]}, "What is to be built makes no sense: missing required arguments: folder"),
        ({"modules": [ASKED], "colour": "red"}, "makes no sense: colour. Supported parameters include"),
        ({"modules": [ASKED], "release": "../x"}, "is not a kernel release"),
        ({"modules": []}, "The list of modules is empty"),
    ],
)
def test_a_build_that_makes_no_sense_changes_nothing(built, build, part):
    code, result, managed = built(None, build=build)
    assert (code, managed) == (1, [])
    assert part in result["msg"]


def test_what_was_built_is_told_where_the_rest_fails(run, built, monkeypatch):
    def fail(*_arguments):
        raise KmodError("It failed")

    monkeypatch.setattr(kmod, "manage", fail)
    answer = {**NOTHING_DONE, "modules": {"a_b": {}}, "changed": True}
    monkeypatch.setattr(_build, "build_missing", lambda _request: answer)
    code, result = run(kmod, modules=[{"name": "a-b"}], build={"modules": [ASKED], "release": "6.1"})
    assert (code, result["msg"], result["changed"], result["built"]["modules"]) == (1, "It failed.", True, {"a_b": {}})


def test_kmod_in_check_mode_leaves_out_what_would_be_built(built, host):
    code, result, managed = built(None, _ansible_check_mode=True)
    assert (code, managed, result["changed"], result["built"]["modules"]) == (0, ["d"], True, {})
    assert os.listdir(host) == []
