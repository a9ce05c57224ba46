# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources go out packed; what comes back is kept only if it is what was asked for."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.procfleet.procfs.plugins.action import kmod_build
from ansible_collections.procfleet.procfs.plugins.module_utils._build import unpack
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore

FILES = str(Path(__file__).parents[4] / "files/kmod")
PRINT, OTHER = "a" * 64, "b" * 64
# The image is called tiny; any folder with sources serves.
ASKED = [{"name": "tiny", "folder": f"{FILES}/proc_demo", "fingerprint": PRINT}]


@pytest.fixture
def sent(monkeypatch):
    """Record what kmod_build hands to the module of its name."""
    calls = []

    def execute(_self, module_name, module_args, task_vars):
        calls.append(module_args)
        if task_vars.get("lost"):
            raise AnsibleConnectionFailure(task_vars["lost"])
        return {"name": module_name, **task_vars.get("answer", {})}

    monkeypatch.setattr(kmod_build.ActionModule, "_execute_module", execute)
    return calls


def test_kmod_build_packs(action, sent, tmp_path):
    folder = str(Path(FILES) / "proc_demo")
    modules = [{"name": "proc-demo", "folder": folder}]
    assert action(kmod_build, modules=modules, jobs=1).run(None, {}) == {"name": "procfleet.procfs.kmod_build"}
    unpack(sent[0]["archive"], str(tmp_path))
    assert (tmp_path / "proc_demo/Kbuild").is_file()
    assert len(sent[0]["modules"][0]["fingerprint"]) == 64
    assert sent[0]["jobs"] == 1
    action(kmod_build, modules=[{**modules[0], "fingerprint": "mine"}]).run(None, {})
    assert sent[1]["modules"][0]["fingerprint"] == "mine"


def test_kmod_build_of_a_folder_without_sources(action, sent, tmp_path):
    with pytest.raises(AnsibleActionFail, match=r"The sources cannot be packed: .* has no Kbuild"):
        action(kmod_build, modules=[{"name": "m", "folder": str(tmp_path)}]).run(None, {})
    assert sent == []


@pytest.mark.parametrize("store", [{}, {"store": "/no/store"}])
@pytest.mark.parametrize("modules", [None, "m", ["m"], [5], [None], [{"name": "m"}], [{}]])
def test_kmod_build_leaves_what_is_malformed_to_the_module(action, sent, modules, store):
    action(kmod_build, modules=modules, **store).run(None, {})
    assert sent == [{"modules": modules}]


@pytest.fixture
def build(action, sent, tmp_path):
    """Ask for ASKED; the builder's answer is given."""

    def build(answer, check=False, modules=ASKED, lost="", **more):
        variables = {"inventory_hostname": "b1", "answer": answer, "lost": lost}
        given = {"modules": modules, "store": str(tmp_path / "store"), **more}
        return action(kmod_build, check=check, **given).run(None, variables)

    return build


@pytest.fixture
def store(tmp_path):
    return ImageStore(str(tmp_path / "store"))


def answer(image, name="tiny", fingerprint=PRINT, digest=None):
    encoded = base64.b64encode(image).decode()
    record = {"fingerprint": fingerprint, "sha256": digest or sha256(image)}
    return {"modules": {name: record}, "images": {name: encoded}, "failed_modules": {}}


def test_what_was_built_is_kept_and_not_shown(build, sent, store, image):
    result = build(answer(image))
    assert sent[0]["fetch"] is True
    assert "store" not in sent[0]
    assert store.get("tiny", PRINT)[0] == image
    assert "images" not in result


def test_check_mode_fetches_and_keeps_nothing(build, sent, store, image):
    build(answer(image), check=True)
    assert "fetch" not in sent[0]
    assert not store.folder.exists()


def test_a_store_needs_fingerprints(build, sent):
    with pytest.raises(AnsibleActionFail, match="needs a `fingerprint` of each module"):
        build({}, modules=[{"name": "tiny", "folder": FILES}])
    assert sent == []


def test_what_was_not_asked_for_is_not_kept(build, store, image):
    """A builder that was broken into could else replace any module of any kernel, or any file here."""
    for name, fingerprint in (("other", PRINT), ("../../x", PRINT), ("x", "../../../etc/x")):
        build(answer(image, name, fingerprint))
    assert not store.folder.exists()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"fingerprint": OTHER}, "b1 sent another build of tiny"),
        ({"digest": "0" * 64}, "its SHA-256 is not the builder's"),
    ],
)
def test_a_builder_that_lies(build, store, image, change, part):
    with pytest.raises(AnsibleActionFail, match=part):
        build(answer(image, **change))
    assert store.get("tiny", PRINT) is None
    assert part in store.failure("tiny", PRINT)


def test_why_something_was_not_built_is_kept(build, store):
    build({"modules": {}, "images": {}, "failed_modules": {"tiny": ["tiny.c:1: no"]}, "log": "/l"})
    text = store.failure("tiny", PRINT)
    assert text.splitlines() == [
        "tiny does not build on b1; what ran before runs on:",
        "  tiny.c:1: no",
        "  The compiler's full log is /l there",
    ]


def test_a_builder_that_could_not_even_begin(build, store):
    build({"failed": True, "msg": "No headers for kernel 6.1."})
    assert "No headers for kernel 6.1." in store.failure("tiny", PRINT)


def test_with_partial_the_host_goes_on_to_its_next_job(build, store):
    """It builds for other kernels as well, and others wait for those."""
    said = {"failed": True, "msg": "No headers for kernel 6.1.", "exception": "(traceback)", "added": ["make"]}
    result = build(said, partial=True)
    assert result.pop("name")
    assert result == {
        "failed": False,
        "msg": "No headers for kernel 6.1.",
        "unbuilt": "No headers for kernel 6.1.",
        "modules": {},
        "failed_modules": {"tiny": ["No headers for kernel 6.1."]},
        "added": ["make"],
    }
    assert "No headers for kernel 6.1." in store.failure("tiny", PRINT)
    assert build(said, partial=True, check=True)["failed"]


def test_a_builder_that_is_lost_is_named_to_those_who_wait(build, store):
    with pytest.raises(AnsibleConnectionFailure):
        build({}, lost="timed out", partial=True)
    assert "tiny does not build on b1" in store.failure("tiny", PRINT)
    assert "it does not answer: timed out" in store.failure("tiny", PRINT)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"images": [], "modules": 5, "failed_modules": "x"},
        {"failed_modules": {"tiny": "no"}},
        {"images": {"x": 5}, "modules": None},
    ],
)
def test_an_answer_of_another_shape_is_as_none(build, store, answer):
    build(answer)
    assert "did not deliver" in store.failure("tiny", PRINT)
    assert store.get("tiny", PRINT) is None


def test_an_image_that_is_no_text(build, image):
    said = answer(image)
    with pytest.raises(AnsibleActionFail, match="arrived damaged"):
        build({**said, "images": {"tiny": 5}})


@pytest.mark.parametrize("offers", [["linux-headers-6.2"], 5, None, "x"])
@pytest.mark.parametrize(
    ("manager", "todo"), [("apt", "Boot a kernel whose"), ("pacman", "It has the newest kernel's")]
)
def test_packages_that_cannot_be_installed(action, sent, store, offers, manager, todo):
    """It is told as it is where packages alone are wanted, and so to all who wait for the build."""
    given = {"packages": ["headers-6.1", "make"], "manager": manager, "store": str(store.folder)}
    said = {"failed": True, "msg": "no such package.", "offers": offers, "release": "6.1"}
    action(kmod_build, modules=ASKED, **given).run(None, {"inventory_hostname": "b1", "answer": said})
    text = store.failure("tiny", PRINT)
    assert "packages headers-6.1, make for kernel 6.1 could not be installed on b1: no such package. The host's" in text
    assert ("offers: linux-headers-6.2. " if isinstance(offers, list) else "offers: none. ") + todo in text
