# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the host lacks goes along, or is built there first; what may not be sent is left out, and said."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.procfleet.procfs.plugins.action import kmod
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore

PRINT, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64
KERNEL = {"release": "6.1.0-56-cloud-amd64", "arch": "x86_64", "sig_enforce": False, "lockdown": None}


def item(name, fingerprint=PRINT, ship=True, depends=()):
    return {"name": name, "fingerprint": fingerprint, "ship": ship, "depends": list(depends)}


@pytest.fixture
def store(tmp_path, image):
    """A store that holds tiny."""
    store = ImageStore(str(tmp_path / "store"))
    store.put("tiny", PRINT, base64.b64encode(image).decode(), sha256(image))
    return store


@pytest.fixture
def run(action, store, monkeypatch):
    """Run the action; return its result, and what it handed to the module."""
    calls = []

    def execute(_self, module_name, module_args, task_vars):
        calls.append((module_name, module_args))
        return {"changed": True, "modules": {"m": {}}, "failed_modules": {"late": {"msg": "does not load"}}}

    monkeypatch.setattr(kmod.ActionModule, "_execute_module", execute)

    def run(modules, **more):
        given = {"store": str(store.folder), "kernel": KERNEL, "partial": True, **more}
        return action(kmod, modules=modules, **given).run(None, {}), calls

    return run


def test_an_image_that_the_host_lacks_goes_along(run, image):
    _result, calls = run([item("tiny"), item("other", ship=False)])
    name, sent = calls[0]
    assert name == "procfleet.procfs.kmod"
    assert set(sent) == {"modules", "partial"}
    tiny, other = sent["modules"]
    assert base64.b64decode(tiny["image"]) == image
    assert "image" not in other
    assert "ship" not in tiny
    assert "ship" not in other


def test_what_is_missing_fails_with_the_builders_words(run, store):
    store.note_failure("m", OTHER, "b1", ["m.c:1: no"])
    result, calls = run([item("tiny"), item("m", OTHER)])
    assert [one["name"] for one in calls[0][1]["modules"]] == ["tiny"]
    assert "m does not build on b1" in result["failed_modules"]["m"]["msg"]
    assert "m.c:1: no" in result["failed_modules"]["m"]["msg"]
    assert result["failed_modules"]["late"]
    assert "failed" not in result


def test_dependents_are_left_out_and_told_why(run):
    modules = [
        item("m", OTHER),
        item("apart", THIRD),
        item("user", ship=False, depends=["m"]),
        item("far", ship=False, depends=["user"]),
        item("tiny"),
    ]
    result, calls = run(modules)
    assert [one["name"] for one in calls[0][1]["modules"]] == ["tiny"]
    assert result["failed_modules"]["user"] == {"msg": "user was left out: it depends on m", "sent": False}
    assert result["failed_modules"]["far"] == {"msg": "far was left out: it depends on m", "sent": False}


def test_nothing_is_left(run):
    result, calls = run([item("m", OTHER), item("user", ship=False, depends=["m"])])
    assert calls == []
    assert (result["changed"], result["modules"], set(result["failed_modules"])) == (False, {}, {"m", "user"})
    assert "failed" not in result


@pytest.mark.parametrize("modules", [[item("m", OTHER)], [item("m", OTHER), item("tiny")]])
@pytest.mark.parametrize("partial", [False, "no", None])
def test_without_partial_it_fails(run, modules, partial):
    result, _calls = run(modules, partial=partial)
    assert result["failed"] is True
    assert "m: m was not built" in result["msg"]


def test_a_wrong_binary_is_not_sent(run):
    result, calls = run([item("tiny")], kernel={**KERNEL, "release": "6.2"})
    assert calls == []
    assert "is for 6.1.0-56-cloud-amd64 (x86_64), the host runs 6.2" in result["failed_modules"]["tiny"]["msg"]


@pytest.mark.parametrize("more", [{"kernel": None}, {"kernel": {}}])
def test_ship_needs_the_kernel(run, more):
    result, calls = run([item("tiny")], **more)
    assert calls == []
    assert "cannot be taken from the store" in result["failed_modules"]["tiny"]["msg"]


def test_ship_needs_a_fingerprint(run):
    result, _calls = run([{"name": "tiny", "ship": True}])
    assert "cannot be taken from the store" in result["failed_modules"]["tiny"]["msg"]


@pytest.mark.parametrize("fingerprint", ["../../../../etc/x", "a" * 63, 5])
def test_a_fingerprint_that_is_none(run, fingerprint):
    result, calls = run([item("tiny", fingerprint)])
    assert calls == []
    assert "is no fingerprint" in result["failed_modules"]["tiny"]["msg"]


def test_a_name_that_is_none(run):
    with pytest.raises(AnsibleActionFail, match="is not a module name"):
        run([item("../x")])


@pytest.mark.parametrize("modules", [None, "m", ["m"], [5], [{}], [{"name": None}]])
def test_what_is_malformed_is_the_modules_to_refuse(run, modules):
    _result, calls = run(modules)
    assert calls[0][1]["modules"] == modules


def test_without_a_store_the_module_gets_all_as_it_is(run):
    modules = [{"name": "m"}]
    _result, calls = run(modules, store="", kernel=None)
    assert calls[0][1] == {"modules": modules, "partial": True}


SOURCES = str(Path(__file__).parents[4] / "files/kmod/proc_demo")
BUILD = {"modules": [{"name": "tiny", "folder": SOURCES, "fingerprint": OTHER}], "release": "6.1", "packages": ["make"]}


@pytest.fixture
def build(action, store, monkeypatch):
    """Run the action with BUILD and an answer; return its result, and what it handed to the module."""
    calls = []

    def build(answer, modules=(), check=False, **more):
        def execute(_self, module_name, module_args, task_vars):
            calls.append(module_args)
            return answer

        monkeypatch.setattr(kmod.ActionModule, "_execute_module", execute)
        modules = [item("tiny", OTHER), item("user", THIRD, ship=False, depends=["tiny"]), *modules]
        given = {"store": str(store.folder), "kernel": KERNEL, "partial": True, "build": BUILD, **more}
        plugin = action(kmod, modules=modules, check=check, **given)
        return plugin.run(None, {"inventory_hostname": "h1"}), calls

    return build


def answered(built, **more):
    return {"changed": True, "modules": {}, "failed_modules": {}, "built": built, **more}


def test_what_the_host_builds_itself_is_kept_and_needs_no_image(build, store, image):
    record = {"fingerprint": OTHER, "sha256": sha256(image)}
    images = {"tiny": base64.b64encode(image).decode()}
    result, calls = build(
        answered({"modules": {"tiny": record}, "images": images, "failed_modules": {}}), [item("m-2", PRINT)]
    )
    assert store.get("tiny", OTHER)[0] == image
    assert result["failed_modules"] == {"m_2": {"msg": store.failure("m_2", PRINT) + ".", "sent": False}}
    assert "images" not in result["built"]
    (sent,) = calls
    assert [(one["name"], "image" in one, "ship" in one) for one in sent["modules"]] == [
        ("tiny", False, False),
        ("user", False, False),
    ]
    assert sent["build"] == {**BUILD, "fetch": True}
    assert len(base64.b64decode(sent["archive"])) > 100
    assert "store" not in sent


def test_what_does_not_build_on_the_host_is_said_with_what_needs_it(build):
    result, _calls = build(answered({"modules": {}, "failed_modules": {"tiny": ["tiny.c:1: no"]}, "log": "/l"}))
    assert result["failed_modules"] == {
        "tiny": {
            "msg": "tiny does not build on h1; what ran before runs on:\n  tiny.c:1: no\n"
            "  The compiler's full log is /l there.",
            "sent": False,
        },
        "user": {"msg": "user was left out: it depends on tiny", "sent": False},
    }


def test_where_nothing_could_be_built_the_reason_is_said_once(build, store):
    built = {"failed": True, "msg": "no such package.", "offers": [], "release": "6.1", "modules": {}}
    result, _calls = build(answered(built))
    assert "The packages make for kernel 6.1 could not be installed on h1: no such package. " in result["built"]["msg"]
    assert {name: one["msg"] for name, one in result["failed_modules"].items()} == {
        "tiny": "tiny was left out: it was not built",
        "user": "user was left out: it depends on tiny",
    }
    assert "no such package" in store.failure("tiny", OTHER)  # for whoever waits in another run


def test_without_partial_a_build_that_fails_fails_all(build):
    result, _calls = build(answered({"modules": {}, "failed_modules": {"tiny": ["no"]}}), partial=False)
    assert result["failed"] is True
    assert "tiny does not build on h1" in result["msg"]


@pytest.mark.parametrize("answer", [{"unreachable": True, "msg": "gone"}, {"failed": True, "msg": "no lock"}])
def test_of_a_host_that_was_lost_nothing_is_known(build, answer):
    assert build(dict(answer))[0] == answer


def test_a_prediction_fetches_and_keeps_nothing(build, store):
    result, calls = build(answered({"modules": {}, "failed_modules": {}}), check=True)
    assert "fetch" not in calls[0]["build"]
    assert result["failed_modules"] == {}
    assert store.get("tiny", OTHER) is None


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"store": ""}, "`build` needs a `store`"),
        ({"build": {"modules": ["tiny"]}}, "`build` makes no sense. Give it as kmod_builders returns it"),
        ({"build": "tiny"}, "`build` makes no sense"),
        ({"build": {"modules": [{"name": "tiny", "folder": SOURCES}]}}, "needs a `fingerprint` of each module"),
        ({"build": {"modules": [{"name": "m", "folder": "/no", "fingerprint": OTHER}]}}, "sources cannot be packed"),
    ],
)
def test_a_build_that_makes_no_sense_is_refused_here(build, more, part):
    with pytest.raises(AnsibleActionFail, match=part):
        build({}, **more)


def test_a_host_that_sends_another_build(build, image):
    record = {"fingerprint": THIRD, "sha256": sha256(image)}
    with pytest.raises(AnsibleActionFail, match="h1 sent another build of tiny"):
        build(answered({"modules": {"tiny": record}, "images": {"tiny": base64.b64encode(image).decode()}}))
