# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a group of modules does together, in which order, and how it is put back. Loading is recorded, not done."""

from __future__ import annotations

import errno
import json
import os

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _load, _modules, _names, _store, _transaction
from ansible_collections.procfleet.procfs.plugins.module_utils._command import Finished
from ansible_collections.procfleet.procfs.plugins.module_utils._decide import Decision
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256, write_atomic, write_json
from ansible_collections.procfleet.procfs.plugins.module_utils._transaction import Rules, Transaction

R = "6.1"
NEW = Decision(True, False, True, True, False, [])
RELOAD = Decision(True, True, True, True, False, [])
LEAVE = Decision(False, True, False, True, True, [])
NOTHING = Decision(False, False, False, False, False, [])


class Kernel:
    """Which build runs under which name; a load or unload can be told to fail, before or after it has worked."""

    def __init__(self):
        self.running, self.calls, self.failing, self.taint = {}, [], set(), "OE"

    def load(self, module, image, _timeout):
        step = ("load", module["name"], image["build_id"])
        self.calls.append(step)
        if step in self.failing or ("load with", module["name"], module["parameters"].get("p")) in self.failing:
            raise KmodError("%s does not load" % module["name"], "the kernel says no", "Mend it")
        self.running[module["name"]] = (image["build_id"], module["parameters"])
        if ("late", *step[1:]) in self.failing:
            raise KmodError("%s made the kernel warn" % module["name"], reboot_needed=True)
        return ["loaded " + module["name"]]

    def unload(self, module, _timeout):
        self.calls.append(("unload", module["name"]))
        if ("unload", module["name"]) in self.failing:
            raise KmodError("%s is in use" % module["name"])
        del self.running[module["name"]]
        return ["unloaded " + module["name"]]

    def check_entries(self, entries, limits):
        """An entry of `a` holds while just the build that it names runs; a `gone` one while nothing runs."""
        self.limits = limits
        if any(("warns", entry["path"]) in self.failing for entry in entries):
            self.taint = "WOE"
        builds = {name: build for name, (build, _parameters) in self.running.items()}
        return [{"path": one["path"], "holds": builds.get(one["path"][6:]) == one["build"]} for one in entries]


@pytest.fixture
def kernel(host, monkeypatch):
    played = Kernel()
    monkeypatch.setattr(_transaction, "load", played.load)
    monkeypatch.setattr(_transaction, "unload", played.unload)
    monkeypatch.setattr(_transaction, "describe", lambda data: {"build_id": data.decode(), "parameters": {"p": "int"}})
    monkeypatch.setattr(_modules, "load_state", lambda name: "live" if name in played.running else "absent")
    monkeypatch.setattr(_transaction, "check_entries", played.check_entries)
    for module in (_transaction, _load):
        monkeypatch.setattr(module, "taint", lambda: {"flags": played.taint})
    return played


def wanted(name, build):
    path = "%s/built-%s-%s" % (_names.STATE_DIR, name, build)
    write_atomic(path, build.encode())
    return {
        "name": name,
        "path": path,
        "fingerprint": build * 8,
        "parameters": {"p": "2"},
        "depends": [],
        "log": {"load": ["x"]},
        "state": "loaded",
        "install": True,
        "persist": True,
        "sha256": sha256(build.encode()),
        "build_id": build,
        "foreign": [],
        "entries": [{"path": "/proc/" + name, "build": build}],
        "gone": [{"path": "/proc/" + name, "build": None}],
        "rollout": "r1",
    }


def deployed(kernel, name, build):
    """Put a module on the host as a former deploy left it, and return what the probe sees."""
    data = build.encode()
    manifest = {"fingerprint": build * 8, "sha256": sha256(data), "parameters": {"p": "1", "q": "7"}, "former": None}
    manifest.update(build_id=build, entries=[{"path": "/proc/" + name, "build": build}])
    _store.publish(R, name, build * 8, data, {"build_id": build})
    write_atomic(_names.installed_path(R, name), data)
    write_json(_names.manifest_path(R, name), manifest)
    write_atomic(_names.options_conf(name), b"options former\n")
    kernel.running[name] = (build, {"p": "1"})
    return {
        "state": "live",
        "build_id": build,
        "parameters": {"p": "1"},
        "installed": {"path": _names.installed_path(R, name), "sha256": sha256(data), "build_id": build},
        "resolves_to": _names.installed_path(R, name),
        "builds": [build * 8],
        "elsewhere": [],
        "manifest": manifest,
        "persist": {"load": True, "options": "options former\n"},
    }


def fresh():
    return {
        "state": "absent",
        "build_id": None,
        "parameters": {},
        "installed": None,
        "resolves_to": None,
        "builds": [],
        "elsewhere": [],
        "manifest": {},
        "persist": {"load": False, "options": None},
    }


def transaction(modules, seen, rollback=True):
    images = {one["name"]: {"build_id": one["build_id"], "parameters": {}} for one in modules}
    rules = Rules(R, 5, {"retries": 2}, rollback)
    return Transaction(rules, modules, dict(zip([one["name"] for one in modules], seen, strict=True)), images)


def files(host):
    """Every file of the host but the builds, with its content."""
    found = {}
    for folder, _folders, names in os.walk(host):
        for name in names:
            path = os.path.join(folder, name)
            if "built-" not in path and "/builds/" not in path:
                with open(path, "rb") as stream:
                    found[path] = stream.read()
    return found


def test_a_first_deploy(kernel, host):
    modules = [wanted("a", "A1"), wanted("b", "B1")]
    run = transaction(modules, [fresh(), fresh()])
    run.run({"a": NEW, "b": NEW})
    assert kernel.calls == [("load", "a", "A1"), ("load", "b", "B1")]
    assert run.log == {"a": ["loaded a"], "b": ["loaded b"]}
    assert open(_names.installed_path(R, "a")).read() == "A1"  # noqa: SIM115
    assert open(_names.options_conf("b")).read() == "options b p=2\n"  # noqa: SIM115
    assert json.load(open(_names.manifest_path(R, "b"))) == {  # noqa: SIM115
        "fingerprint": "B1" * 8,
        "sha256": sha256(b"B1"),
        "build_id": "B1",
        "parameters": {"p": "2"},
        "depends": [],
        "entries": [{"path": "/proc/b", "build": "B1"}],
        "rollout": "r1",
        "former": {"state": "absent"},
    }
    assert run.asserted == {name: [{"path": "/proc/" + name, "holds": True}] for name in "ab"}
    assert kernel.limits == {"retries": 2}
    assert _store.fingerprints(R, "a") == ["A1" * 8]


def test_a_reload_goes_out_in_reverse_and_comes_back_in_order(kernel):
    seen = [deployed(kernel, "a", "A1"), deployed(kernel, "b", "B1")]
    transaction([wanted("a", "A2"), wanted("b", "B2")], seen).run({"a": RELOAD, "b": RELOAD})
    assert kernel.calls == [("unload", "b"), ("unload", "a"), ("load", "a", "A2"), ("load", "b", "B2")]
    assert set(_store.fingerprints(R, "a")) == {"A1" * 8, "A2" * 8}


@pytest.mark.parametrize("failing", [("load", "b", "B2"), ("late", "b", "B2"), ("load", "a", "A2"), ("unload", "a")])
def test_a_failure_puts_all_back(kernel, host, failing):
    seen = [deployed(kernel, "a", "A1"), deployed(kernel, "b", "B1")]
    before = files(host)
    kernel.failing = {failing}
    with pytest.raises(KmodError) as caught:
        transaction([wanted("a", "A2"), wanted("b", "B2")], seen).run({"a": RELOAD, "b": RELOAD})
    assert caught.value.details["restored"] is True
    assert "The host is as it was before" in caught.value.message
    assert {name: build for name, (build, _values) in kernel.running.items()} == {"a": "A1", "b": "B1"}
    assert files(host) == before


def test_a_host_that_dies_as_it_loads_boots_the_former(kernel, host, monkeypatch):
    class PowerCut(BaseException):
        pass

    def cut(_module, _image, _timeout):
        raise PowerCut

    seen = [deployed(kernel, "a", "A1")]
    before = files(host)
    monkeypatch.setattr(_transaction, "load", cut)
    with pytest.raises(PowerCut):
        transaction([wanted("a", "A2")], seen).run({"a": RELOAD})
    left = files(host)
    assert left.pop(_names.staged_path(R, "a")) == b"A2"  # which no boot takes notice of
    assert left == before
    monkeypatch.setattr(_transaction, "load", kernel.load)
    transaction([wanted("a", "A2")], seen).run({"a": NEW})
    assert not os.path.exists(_names.staged_path(R, "a"))


def test_putting_back_goes_out_in_reverse_as_well(kernel):
    seen = [deployed(kernel, "a", "A1"), deployed(kernel, "b", "B1")]
    kernel.failing = {("late", "b", "B2")}
    with pytest.raises(KmodError):
        transaction([wanted("a", "A2"), wanted("b", "B2")], seen).run({"a": RELOAD, "b": RELOAD})
    assert kernel.calls[4:] == [("unload", "b"), ("unload", "a"), ("load", "a", "A1"), ("load", "b", "B1")]


def test_the_former_comes_back_with_the_parameters_that_it_had(kernel):
    seen = [deployed(kernel, "a", "A1")]
    kernel.failing = {("load", "a", "A2")}
    with pytest.raises(KmodError):
        transaction([wanted("a", "A2")], seen).run({"a": RELOAD})
    assert kernel.running["a"] == ("A1", {"p": "1", "q": "7"})


def test_the_former_comes_back_as_it_was_noted_where_it_does_not_take_what_the_kernel_shows(kernel):
    seen = [deployed(kernel, "a", "A1")]
    seen[0]["parameters"]["p"] = "changed by hand"
    kernel.failing = {("load", "a", "A2"), ("load with", "a", "changed by hand")}
    with pytest.raises(KmodError) as caught:
        transaction([wanted("a", "A2")], seen).run({"a": RELOAD})
    assert caught.value.details["restored"] is True
    assert kernel.running["a"] == ("A1", {"p": "1", "q": "7"})


def test_a_fault_of_our_own_puts_things_back_as_well(kernel, monkeypatch):
    seen = [deployed(kernel, "a", "A1")]
    check, calls = kernel.check_entries, []

    def faulty(entries, limits):
        calls.append(entries)
        if len(calls) == 1:
            raise ValueError("never thought of")
        return check(entries, limits)

    monkeypatch.setattr(_transaction, "check_entries", faulty)
    with pytest.raises(
        KmodError, match=r"The change of a failed: ValueError: never thought of\. The host is as it was"
    ):
        transaction([wanted("a", "A2")], seen).run({"a": RELOAD})
    assert kernel.running["a"][0] == "A1"


def test_a_failed_first_deploy_leaves_nothing(kernel, host):
    kernel.failing = {("load", "b", "B1")}
    with pytest.raises(KmodError):
        transaction([wanted("a", "A1"), wanted("b", "B1")], [fresh(), fresh()]).run({"a": NEW, "b": NEW})
    assert kernel.calls == [("load", "a", "A1"), ("load", "b", "B1"), ("unload", "a")]
    assert kernel.running == {}
    assert files(host) == {}


def test_a_file_that_cannot_be_written_is_found_before_anything_is_unloaded(kernel, host, monkeypatch):
    seen = [deployed(kernel, "a", "A1"), deployed(kernel, "b", "B1")]
    modules = [wanted("a", "A2"), wanted("b", "B2")]
    before = files(host)
    write = _transaction.write_atomic

    def full(path, data, *rest):
        if data == b"B2":
            raise KmodError("Writing %s failed" % path, "No space left on device")
        write(path, data, *rest)

    monkeypatch.setattr(_store, "write_atomic", full)
    with pytest.raises(KmodError, match="No space left on device") as caught:
        transaction(modules, seen).run({"a": RELOAD, "b": RELOAD})
    assert kernel.calls == []
    assert {name: build for name, (build, _values) in kernel.running.items()} == {"a": "A1", "b": "B1"}
    assert files(host) == before
    monkeypatch.setattr(_store, "write_atomic", write)
    monkeypatch.setattr(_transaction, "write_atomic", full)  # it fits there, but not below /lib/modules
    with pytest.raises(KmodError, match="No space left on device") as caught:
        transaction(modules, seen).run({"a": RELOAD, "b": RELOAD})
    assert kernel.calls == []
    assert caught.value.details["restored"] is True
    assert files(host) == before


def test_a_failure_after_the_last_load_restores_boot_files_and_notes(kernel, host, monkeypatch):
    seen = [deployed(kernel, "a", "A1"), deployed(kernel, "b", "B1")]
    modules = [wanted("a", "A2"), wanted("b", "B2")]
    before = files(host)
    write = _transaction.write_json

    def full(path, value):
        if path.endswith("/b.json"):
            raise KmodError("Writing %s failed" % path, "No space left on device")
        write(path, value)

    monkeypatch.setattr(_transaction, "write_json", full)
    with pytest.raises(KmodError, match="as it was before"):
        transaction(modules, seen).run({"a": RELOAD, "b": RELOAD})
    assert {name: build for name, (build, _values) in kernel.running.items()} == {"a": "A1", "b": "B1"}
    assert files(host) == before


def test_an_installed_file_that_nobody_noted_is_restored_as_well(kernel, host):
    seen = deployed(kernel, "a", "A1")
    os.unlink(_names.manifest_path(R, "a"))
    kernel.failing = {("load", "a", "A2")}
    with pytest.raises(KmodError, match="as it was before"):
        transaction([wanted("a", "A2")], [{**seen, "manifest": {}, "builds": []}]).run({"a": RELOAD})
    assert open(_names.installed_path(R, "a")).read() == "A1"  # noqa: SIM115


def test_a_running_image_that_was_loaded_from_its_build_comes_back(kernel):
    """`install: false` loads from the store; the installed file is another one."""
    seen = deployed(kernel, "a", "A1")
    _store.publish(R, "a", "X", b"A0", {"build_id": "A0"})
    kernel.running["a"] = ("A0", {})
    kernel.failing = {("load", "a", "A2")}
    with pytest.raises(KmodError, match="as it was before"):
        transaction([wanted("a", "A2")], [{**seen, "build_id": "A0", "builds": ["A1" * 8, "X"]}]).run({"a": RELOAD})
    assert kernel.running["a"][0] == "A0"


def test_what_cannot_be_put_back_is_said(kernel):
    seen = deployed(kernel, "a", "A1")
    kernel.failing = {("load", "a", "A2")}
    with pytest.raises(KmodError) as caught:
        transaction([wanted("a", "A2")], [{**seen, "build_id": "gone"}]).run({"a": RELOAD})
    assert caught.value.details["restored"] is False
    assert "could not be put back: The image of a that ran before is not on this host" in caught.value.message


def test_a_module_that_needs_nothing_is_not_touched(kernel):
    seen = [deployed(kernel, "a", "A1"), fresh()]
    kernel.failing = {("load", "b", "B1")}
    with pytest.raises(KmodError):
        transaction([wanted("a", "A1"), wanted("b", "B1")], seen).run({"a": NOTHING, "b": NEW})
    assert kernel.calls == [("load", "b", "B1")]
    assert kernel.running["a"] == ("A1", {"p": "1"})


def test_leaving_removes_every_file(kernel, host):
    seen = deployed(kernel, "a", "A1")
    module = {**wanted("a", "A1"), "state": "absent"}
    os.unlink(module["path"])
    transaction([module], [seen]).run({"a": LEAVE})
    assert kernel.running == {}
    assert files(host) == {}
    assert _store.fingerprints(R, "a") == []


def test_absent_without_install_keeps_what_is_installed(kernel, host):
    seen = deployed(kernel, "a", "A1")
    _store.publish(R, "a", "left", b"x", {})
    before = files(host)
    module = {**wanted("a", "A1"), "state": "absent", "install": False}
    transaction([module], [seen]).run({"a": LEAVE._replace(boot=False)})
    assert files(host) == before
    assert _store.fingerprints(R, "a") == ["A1" * 8]


def test_a_contract_that_does_not_hold_puts_all_back(kernel, host):
    seen = [deployed(kernel, "a", "A1"), deployed(kernel, "b", "B1")]
    before = files(host)
    bad = {**wanted("b", "B2"), "entries": [{"path": "/proc/b", "build": "B9"}]}
    run = transaction([wanted("a", "A2"), bad], seen)
    with pytest.raises(KmodError, match="b does not hold what it must at /proc/b: The host is as it was before"):
        run.run({"a": RELOAD, "b": RELOAD})
    assert {name: build for name, (build, _values) in kernel.running.items()} == {"a": "A1", "b": "B1"}
    assert files(host) == before
    assert run.asserted["b"] == [{"path": "/proc/b", "holds": False}]


def test_it_is_left_to_be_looked_at_where_that_is_asked_for(kernel):
    bad = {**wanted("b", "B2"), "entries": [{"path": "/proc/b", "build": "B9"}]}
    run = transaction([bad], [deployed(kernel, "b", "B1")], rollback=False)
    run.run({"b": RELOAD})
    assert kernel.running["b"][0] == "B2"
    assert run.asserted["b"] == [{"path": "/proc/b", "holds": False}]


def test_a_kernel_that_warns_is_told_even_where_nothing_goes_back(kernel):
    kernel.failing = {("warns", "/proc/a")}
    run = transaction([wanted("a", "A2")], [deployed(kernel, "a", "A1")], rollback=False)
    run.run({"a": RELOAD})
    assert kernel.running["a"][0] == "A2"
    assert "a made the kernel warn or fault" in run.noticed["a"].message


def test_an_error_of_the_system_puts_all_back_as_well(kernel, host, monkeypatch):
    seen = [deployed(kernel, "a", "A1")]
    before = files(host)

    def read_only(_files):
        raise OSError(errno.EROFS, "Read-only file system", "/etc/modules-load.d")

    monkeypatch.setattr(_transaction, "write_boot_files", read_only)
    with pytest.raises(KmodError, match=r"Read-only file system at /etc.* The host is as it was before"):
        transaction([wanted("a", "A2")], seen).run({"a": RELOAD})
    assert kernel.running["a"][0] == "A1"
    assert files(host) == before


def test_what_was_not_changed_is_asserted_and_stays(kernel):
    run = transaction([{**wanted("a", "A1"), "entries": [{"path": "/proc/a", "build": "A9"}]}], [fresh()])
    kernel.running["a"] = ("A1", {})
    run.run({"a": NOTHING})
    assert run.asserted["a"] == [{"path": "/proc/a", "holds": False}]
    assert kernel.running["a"][0] == "A1"


def test_a_kernel_that_warns_as_an_entry_is_read_puts_all_back(kernel):
    kernel.failing = {("warns", "/proc/a")}
    with pytest.raises(KmodError, match="a made the kernel warn or fault as its entries were read: taint gained W"):
        transaction([wanted("a", "A2")], [deployed(kernel, "a", "A1")]).run({"a": RELOAD})
    assert kernel.running["a"][0] == "A1"


def test_a_former_module_that_does_not_hold_any_more_is_said(kernel):
    seen = deployed(kernel, "a", "A1")
    write_json(_names.manifest_path(R, "a"), {**seen["manifest"], "entries": [{"path": "/proc/a", "build": "A7"}]})
    kernel.failing = {("load", "a", "A2")}
    with pytest.raises(KmodError, match="could not be put back: a does not hold what it must at /proc/a") as caught:
        transaction([wanted("a", "A2")], [seen]).run({"a": RELOAD})
    assert caught.value.details["restored"] is False


def test_the_way_back_leaves_the_former_note(kernel):
    seen = deployed(kernel, "a", "A2")
    note = {"state": "loaded", "persist": True, "fingerprint": "A1" * 8, "sha256": sha256(b"A1"), "build_id": "A1"}
    note.update(parameters={"p": "1"}, entries=[{"path": "/proc/a", "build": "A1"}])
    transaction([{**wanted("a", "A1"), "note": note}], [seen]).run({"a": RELOAD})
    left = json.load(open(_names.manifest_path(R, "a")))  # noqa: SIM115
    assert (left["fingerprint"], left["former"], left["rollout"]) == ("A1" * 8, None, None)
    assert left["entries"] == note["entries"]
    assert open(_names.installed_path(R, "a")).read() == "A1"  # noqa: SIM115


def test_the_way_back_to_what_lay_there_unloaded(kernel):
    seen = deployed(kernel, "a", "A2")
    note = {"state": "unloaded", "persist": False, "fingerprint": "A1" * 8, "sha256": sha256(b"A1"), "build_id": "A1"}
    module = {**wanted("a", "A1"), "state": "unloaded", "note": {**note, "parameters": {}, "entries": []}}
    transaction([module], [seen]).run({"a": Decision(True, True, False, True, False, [])})
    assert kernel.running == {}
    assert open(_names.installed_path(R, "a")).read() == "A1"  # noqa: SIM115
    assert json.load(open(_names.manifest_path(R, "a")))["fingerprint"] == "A1" * 8  # noqa: SIM115
    assert not os.path.exists(_names.options_conf("a"))


def test_preparing_installs_and_loads_nothing(kernel, host):
    module = {**wanted("a", "A1"), "state": "prepared"}
    run = transaction([module], [fresh()])
    run.run({"a": Decision(True, False, False, True, False, [])})
    assert (kernel.calls, run.asserted) == ([], {})
    assert open(_names.installed_path(R, "a")).read() == "A1"  # noqa: SIM115
    assert open(_names.load_conf("a")).read() == "a\n"  # noqa: SIM115
    note = json.load(open(_names.manifest_path(R, "a")))  # noqa: SIM115
    assert (note["build_id"], note["former"]) == ("A1", {"state": "absent"})


def test_leaving_removes_the_files_of_every_kernel(kernel, host):
    seen = {**deployed(kernel, "a", "A1"), "elsewhere": ["6.12"]}
    _store.publish("6.12", "a", "A2" * 8, b"A2", {})
    write_atomic(_names.installed_path("6.12", "a"), b"A2")
    module = {**wanted("a", "A1"), "state": "absent"}
    os.unlink(module["path"])
    transaction([module], [seen]).run({"a": LEAVE})
    assert files(host) == {}
    assert _store.fingerprints("6.12", "a") == []


def by_dkms(kernel, host, name, build):
    """A module that runs from what DKMS has built; nothing of procfleet is installed for this kernel."""
    path = str(host / "modules" / R / "updates/dkms" / (name + ".ko"))
    write_atomic(path, build.encode())
    kernel.running[name] = (build, {"p": "1"})
    image = {"path": path, "sha256": sha256(build.encode()), "build_id": build, "by": "dkms"}
    known = {"state": "live", "build_id": build, "installed": image, "fingerprint": build * 8, "resolves_to": path}
    return {**fresh(), **known, "parameters": {"p": "1"}, "persist": {"load": True, "options": None}}


def test_other_parameters_leave_the_build_of_dkms_where_it_is(kernel, host):
    seen = by_dkms(kernel, host, "a", "A1")
    module = {**wanted("a", "A1"), "path": seen["installed"]["path"]}
    transaction([module], [seen]).run({"a": RELOAD._replace(install=False)})
    assert kernel.running == {"a": ("A1", {"p": "2"})}
    assert not os.path.exists(_names.installed_path(R, "a"))
    assert _store.fingerprints(R, "a") == []


def test_what_ours_replaces_of_dkms_is_the_way_back(kernel, host):
    seen = by_dkms(kernel, host, "a", "A1")
    transaction([wanted("a", "A2")], [seen]).run({"a": RELOAD})
    assert open(_names.installed_path(R, "a")).read() == "A2"  # noqa: SIM115
    former = json.load(open(_names.manifest_path(R, "a")))["former"]  # noqa: SIM115
    assert (former["state"], former["fingerprint"], former["parameters"]) == ("loaded", "A1" * 8, {"p": "1"})
    assert sorted(_store.fingerprints(R, "a")) == ["A1" * 8, "A2" * 8]


def test_where_ours_fails_the_build_of_dkms_runs_again(kernel, host):
    seen = by_dkms(kernel, host, "a", "A1")
    kernel.failing = {("load", "a", "A2")}
    with pytest.raises(KmodError, match="is as it was before"):
        transaction([wanted("a", "A2")], [seen]).run({"a": RELOAD})
    assert kernel.running == {"a": ("A1", {"p": "1"})}
    assert not os.path.exists(_names.installed_path(R, "a"))


def test_the_same_build_by_ours_has_no_way_back_to_that_of_dkms(kernel, host):
    """Both have one fingerprint, and one address."""
    seen = {**by_dkms(kernel, host, "a", "A1"), "fingerprint": "A2" * 8}
    transaction([wanted("a", "A2")], [seen]).run({"a": RELOAD})
    assert json.load(open(_names.manifest_path(R, "a")))["former"]["state"] == "foreign"  # noqa: SIM115
    assert _store.fingerprints(R, "a") == ["A2" * 8]


def test_an_index_of_a_kernel_that_is_not_there_goes(host, monkeypatch):
    asked = []
    monkeypatch.setattr(_transaction, "run", lambda argv, _timeout: asked.append(argv) or Finished(0, "", ""))
    for name in ("6.12/modules.dep", "6.13/modules.dep", "6.13/modules.builtin"):
        write_atomic(f"{_names.MODULES_DIR}/{name}", b"")
    for release in ("6.12", "6.13"):
        _transaction.renew_index(release)
    assert asked == [["depmod", "6.13"]]
    assert os.listdir(_names.MODULES_DIR) == ["6.13"]
