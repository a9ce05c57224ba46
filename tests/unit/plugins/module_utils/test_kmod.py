# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The flow for a list of modules: order, groups, what a failure stops, and what check mode foretells."""

from __future__ import annotations

import os

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _kmod, _lock, _names, _transaction
from ansible_collections.procfleet.procfs.plugins.module_utils._decide import Decision
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.tests.states import ABSENT


def live(**more):
    return {**ABSENT, "state": "live", "build_id": "old", **more}


def entry(name, holds=True):
    return {"path": "/proc/" + name, "holds": holds, "content": "x\n", "failures": []}


class World:
    """What the probe sees, what each image says, and which transactions were run."""

    def __init__(self):
        self.seen, self.depends, self.groups, self.failing, self.indexed = {}, {}, [], set(), 0
        self.outranked = {}  # by what another file that modprobe would take
        self.index_error = None

    def probe(self, names, release, _running):
        found = {name: dict(self.seen.get(name, ABSENT)) for name in names}
        for name in names if self.indexed else []:
            found[name]["resolves_to"] = self.outranked.get(name, _names.installed_path(release, name))
        return found

    def identify(self, module, _seen, _release):
        if module["state"] != "loaded":
            return {}
        module.update(sha256="sum", build_id="new", fingerprint="print")
        return {"build_id": "new", "depends": self.depends.get(module["name"], []), "parameters": {"mode": "ushort"}}

    def renew_index(self, _release):
        self.indexed += 1
        if self.index_error:
            raise self.index_error


@pytest.fixture
def world(host, monkeypatch):
    made = World()

    class Recorded:
        def __init__(self, _rules, modules, _seen, _images):
            self.names, self.log, self.asserted = [module["name"] for module in modules], {}, {}
            self.noticed = {}

        def run(self, decisions):
            made.groups.append((self.names, {name: one.unload for name, one in decisions.items() if one.changes}))
            if made.failing & set(self.names):
                raise KmodError("no", log=["kernel line"])
            self.log = {name: ["line"] for name in self.names}
            self.asserted = {name: [entry(name)] for name in self.names}

    monkeypatch.setattr(_kmod, "Transaction", Recorded)
    monkeypatch.setattr(_kmod, "probe_modules", made.probe)
    monkeypatch.setattr(_kmod, "_identify", made.identify)
    monkeypatch.setattr(_kmod, "renew_index", made.renew_index)
    monkeypatch.setattr(_kmod, "host_lock", lambda timeout: _lock.host_lock(timeout, str(host / "lock")))
    return made


def options(state="loaded", **more):
    return _kmod.Options(_transaction.Rules(os.uname().release, 5, {}, True), state, **more)


def manage(names, state="loaded", check=False, install=True, **depends):
    modules = [{"name": name, "depends": depends.get(name.replace("-", "_"), [])} for name in names]
    return _kmod.manage(modules, options(state, check=check, install=install))


def test_no_modules(world):
    with pytest.raises(KmodError, match="The list of modules is empty"):
        manage([])


@pytest.mark.parametrize("name", ["../x", "", "a b"])
def test_a_name_that_is_none(world, name):
    with pytest.raises(KmodError, match="is not a module name"):
        manage([name])


def test_values_as_the_kernel_takes_them():
    given = {"name": "a-b", "parameters": {"on": True, "off": False, "n": 5}, "depends": ["c-d"]}
    module = _kmod._complete(given, options())
    assert (module["name"], module["depends"]) == ("a_b", ["c_d"])
    assert module["parameters"] == {"on": "Y", "off": "N", "n": "5"}
    with pytest.raises(KmodError, match="cannot be passed"):
        _kmod._complete({"name": "a", "parameters": {"x": 'a"b'}}, options())


def test_modules_that_have_nothing_to_do_with_each_other_go_on(world):
    world.failing = {"b"}
    result = manage(["a", "b", "c"])
    assert [names for names, _decisions in world.groups] == [["a"], ["b"], ["c"]]
    assert list(result["failed_modules"]) == ["b"]
    assert result["failed_modules"]["b"] == {"log": ["kernel line"], "msg": "no."}
    assert result["changed"] is True
    assert [one["changed"] for one in result["modules"].values()] == [True, False, True]
    assert world.indexed == 1


SAID = ["`blacklist b` in /etc/modprobe.d/local.conf"]


def test_what_no_boot_would_load_so_is_refused_and_the_others_go_on(world):
    world.seen = {"b": {**ABSENT, "modprobe": SAID}}
    result = manage(["a", "b", "c"], c=["b"])
    assert [names for names, _decisions in world.groups] == [["a"]]
    assert list(result["failed_modules"]) == ["b", "c"]
    assert "b cannot be set for boot as it is to be loaded: there is" in result["failed_modules"]["c"]["msg"]
    assert result["failed_modules"]["b"]["restored"] is True


@pytest.mark.parametrize(
    ("state", "more"),
    [("loaded", {"persist": False}), ("loaded", {"install": False}), ("unloaded", {}), ("absent", {})],
)
def test_what_others_say_of_the_boot_stops_nobody_who_does_not_set_for_it(world, state, more):
    world.seen = {"b": {**live(), "persist": {"load": True, "options": None}, "modprobe": SAID}}
    result = _kmod.manage([{"name": "b"}], options(state, **more))
    assert (result["changed"], result["failed_modules"]) == (True, {})


def test_modules_that_depend_on_each_other_stand_together_in_load_order(world):
    manage(["c", "b", "x", "a"], b=["a"], c=["b"])
    assert [names for names, _decisions in world.groups] == [["a", "b", "c"], ["x"]]


def test_what_the_image_needs_counts_where_the_contract_says_nothing(world):
    world.depends = {"importer": ["exporter", "crc7"]}
    manage(["importer", "exporter"])
    assert [names for names, _decisions in world.groups] == [["exporter", "importer"]]


def test_what_the_kernel_shows_counts_when_they_leave(world):
    world.seen = {"exporter": live(holders=["importer"]), "importer": live()}
    manage(["importer", "exporter"], state="unloaded")
    assert [names for names, _decisions in world.groups] == [["exporter", "importer"]]


def test_a_module_that_leaves_takes_along_those_that_use_it(world):
    at_rest = live(
        build_id="new",
        fingerprint="print",
        resolves_to="/p",
        installed={"path": "/p", "sha256": "sum"},
        persist={"load": True, "options": None},
    )
    told = {"load": True, "options": "softdep importer pre: exporter\n"}
    world.seen = {
        "exporter": {**at_rest, "build_id": "old", "holders": ["importer"]},
        "importer": {**at_rest, "persist": told},
    }
    result = manage(["exporter", "importer"], importer=["exporter"])
    assert world.groups == [(["exporter", "importer"], {"exporter": True, "importer": True})]
    assert result["modules"]["importer"]["reasons"] == ["a module that it uses is changed"]


def test_a_circle(world):
    with pytest.raises(KmodError, match="in a circle: a -> b -> a"):
        manage(["a", "b"], a=["b"], b=["a"])
    assert world.groups == []


def test_what_is_in_tree_is_named_for_modprobe(world, monkeypatch):
    modules = {}
    monkeypatch.setattr(_kmod, "_apply", lambda wanted, *_rest: (modules.update(wanted), ({}, [], {}))[1])
    world.depends = {"a": ["b", "snd-pcm"]}
    manage(["a", "b"], a=["loop"])
    assert modules["a"]["foreign"] == ["loop", "snd_pcm"]
    assert modules["b"]["foreign"] == []


def test_a_missed_index_fails_what_was_installed_and_nothing_is_lost(world):
    world.index_error = KmodError("depmod failed for 6.1", "No space left on device")
    result = manage(["a"])
    failed = {"msg": "depmod failed for 6.1: No space left on device.", "restored": False}
    assert result["failed_modules"] == {"a": failed}
    assert result["modules"]["a"]["log"] == ["line"]


def test_check_mode_predicts_and_does_nothing(world, host):
    world.seen = {"b": live()}
    result = manage(["a", "b"], check=True)
    assert (world.groups, world.indexed) == ([], 0)
    assert os.listdir(host) == []
    assert result["changed"] is True
    assert {name: one["state"] for name, one in result["modules"].items()} == {"a": "live", "b": "live"}
    assert [one["after_header"] for one in result["diff"]] == ["a", "b"]
    assert "state: absent\n" in result["diff"][0]["before"]
    assert "state: live\nbuild-id: new\n" in result["diff"][0]["after"]


def test_check_mode_of_leaving(world):
    world.seen = {"a": live(installed={"path": "/p", "sha256": "sum"})}
    result = manage(["a", "b"], check=True, state="absent")
    assert {name: (one["changed"], one["state"]) for name, one in result["modules"].items()} == {
        "a": (True, "absent"),
        "b": (False, "absent"),
    }
    assert "installed: None\n" in result["diff"][0]["after"]


def test_nothing_to_do_changes_nothing(world):
    result = manage(["a"], state="absent")
    assert (result["changed"], result["diff"], world.indexed) == (False, [], 0)


def test_the_same_keys_whatever_was_done(world):
    world.failing = {"a"}
    assert manage(["a"]).keys() == manage(["a"], check=True).keys() == manage(["b"], state="absent").keys()


def test_what_the_entries_say_comes_back_with_their_modules(world):
    asserted = manage(["a", "b"])["asserted"]
    assert [(one["module"], one["path"]) for one in asserted["entries"]] == [("a", "/proc/a"), ("b", "/proc/b")]
    assert asserted["failed_entries"] == []
    assert asserted["shown"] == ["/proc/a", "    x", "/proc/b", "    x"]


def test_an_entry_that_is_none_is_refused_before_anything_is_done(world):
    with pytest.raises(KmodError, match="must lie under /proc or /sys"):
        _kmod.manage([{"name": "a", "entries": [{"path": "/etc/passwd"}]}], options())
    assert world.groups == []


def test_check_mode_asserts_what_needs_no_change(world, monkeypatch):
    calls = []

    def check(entries, _limits, check_mode):
        calls.append((entries[0]["path"], check_mode))
        return []

    monkeypatch.setattr(_kmod, "check_entries", check)
    gone = [{"path": "/proc/a", "state": "gone"}]
    world.seen = {"b": live()}
    modules = [{"name": "a", "gone": gone}, {"name": "b", "gone": [{"path": "/proc/b", "state": "gone"}]}]
    result = _kmod.manage(modules, options("unloaded", check=True))
    assert calls == [("/proc/a", True)]
    assert [name for name, one in result["modules"].items() if one["changed"]] == ["b"]


def test_the_way_back_is_each_modules_own(world, monkeypatch):
    def way_back(module, _release):
        if module["name"] == "none":
            raise KmodError("none has no former state on this host")
        return None if module["name"] == "others" else {**module, "state": "absent"}

    monkeypatch.setattr(_kmod, "way_back", way_back)
    monkeypatch.setattr(_kmod, "as_noted", lambda module, _release: {module["name"]: {**module, "state": "loaded"}})
    world.seen = {"a": live(), "others": live()}
    modules = [{"name": "a"}, {"name": "none"}, {"name": "others"}]
    result = _kmod.manage(modules, options("former", rollout="r1"))
    assert world.groups == [(["a"], {"a": True})]
    assert result["failed_modules"] == {"none": {"msg": "none has no former state on this host."}}
    assert list(result["modules"]) == ["a"]

    # What another rollout brought stays as it is noted, but is loaded anew where it uses what goes back.
    world.groups.clear()
    result = _kmod.manage([{"name": "a"}, {"name": "others", "depends": ["a"]}], options("former", rollout="r1"))
    assert world.groups == [(["a", "others"], {"a": True, "others": True})]

    # What belongs together goes back together, or not at all.
    world.groups.clear()
    result = _kmod.manage([{"name": "none"}, {"name": "a", "depends": ["none"]}], options("former", rollout="r1"))
    assert world.groups == []
    assert result["failed_modules"]["a"] == {"msg": "a stays as it is: none cannot go back"}


def test_a_way_back_is_not_refused_for_what_others_say_of_the_boot(world, monkeypatch):
    monkeypatch.setattr(_kmod, "way_back", lambda module, _release: {**module, "state": "loaded"})
    world.seen = {"b": live(modprobe=SAID)}
    result = _kmod.manage([{"name": "b"}], options("former", rollout="r1"))
    assert (world.groups, result["failed_modules"]) == ([(["b"], {"b": True})], {})


def test_a_missed_index_is_said_as_well_where_files_were_removed(world):
    world.index_error = KmodError("depmod failed for 6.1")
    world.seen = {"a": live(installed={"path": "/p", "sha256": "sum"})}
    assert list(manage(["a"], state="absent")["failed_modules"]) == ["a"]


def test_what_modprobe_would_not_take_is_said_and_named(world):
    world.outranked = {"b": "/lib/modules/6.1/weak-updates/b.ko"}
    result = manage(["a", "b"])
    assert list(result["failed_modules"]) == ["b"]
    assert "modprobe takes /lib/modules/6.1/weak-updates/b.ko" in result["failed_modules"]["b"]["msg"]
    assert result["failed_modules"]["b"]["restored"] is False


def test_where_it_is_dkms_that_goes_before_the_next_step_takes_that_away(world):
    world.seen = {"b": {**ABSENT, "dkms": {"doubled": [os.uname().release]}}}
    world.outranked = {"b": "/lib/modules/6.1/updates/dkms/b.ko"}
    assert manage(["b"])["failed_modules"] == {}


def test_groups():
    uses = {"a": [], "b": ["a", "other"], "c": [], "d": ["c", "b"], "e": []}
    assert _kmod.groups(uses, list("abcde")) == [["a", "b", "c", "d"], ["e"]]
    assert _kmod.groups({}, []) == []


def module(path, **parameters):
    return {"name": "tiny", "path": path, "state": "loaded", "parameters": parameters, "fingerprint": None}


def test_identify_a_real_image(data, image):
    release = "6.1.0-56-cloud-amd64"
    asked = module(str(data / "elf/tiny.module"), mode="0644")
    said = _kmod._identify(asked, ABSENT, release)
    assert said["depends"] == ["crc7"]
    assert asked["fingerprint"] == asked["sha256"]
    assert asked["build_id"] == said["build_id"]
    with pytest.raises(KmodError, match="tiny has no parameter modes: it has flag, label, many, mode"):
        _kmod._identify(module(asked["path"], modes="1"), ABSENT, release)
    with pytest.raises(KmodError, match=r"is for kernel 6\.1\.0-56-cloud-amd64, and not for 6\.12"):
        _kmod._identify(module(asked["path"]), ABSENT, "6.12")


def test_identify_nothing(host):
    with pytest.raises(KmodError, match=r"There is no .*/modules/6\.1/updates/procfleet/tiny\.ko"):
        _kmod._identify(module(None), ABSENT, "6.1")
    (host / "cut.ko").write_bytes(b"\x7fELF")
    with pytest.raises(KmodError, match="image is damaged"):
        _kmod._identify(module(str(host / "cut.ko")), ABSENT, "6.1")
    assert _kmod._identify(module(None), {**ABSENT, "state": "builtin"}, "6.1") == {}
    assert _kmod._identify({**module(None), "state": "absent"}, ABSENT, "6.1") == {}


@pytest.mark.parametrize(
    ("decision", "seen", "state"),
    [
        (Decision(False, True, True, False, False, []), "live", "live"),
        (Decision(False, True, False, False, False, []), "live", "absent"),
        (Decision(False, False, False, True, False, []), "builtin", "builtin"),
    ],
)
def test_predicted(decision, seen, state):
    assert _kmod._predicted(decision, {"state": seen}) == state


def test_explain_failures():
    assert _kmod.explain_failures({"failed_modules": {"b": {"msg": "y"}, "a": {"msg": "x"}}}) == "a: x\nb: y"
    both = {"failed_modules": {"a": {"msg": "x"}}, "asserted": {"explanation": "/proc/a does not hold"}}
    assert _kmod.explain_failures(both) == "a: x\n/proc/a does not hold"
