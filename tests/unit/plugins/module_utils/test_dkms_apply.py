# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of DKMS, and what is left where it refuses; DKMS itself is a double that keeps its trees as it does."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _dkms, _dkms_apply, _dkms_trees
from ansible_collections.procfleet.procfs.plugins.module_utils._command import Finished
from ansible_collections.procfleet.procfs.plugins.module_utils._dkms_apply import Request, explain_failures, manage
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils._archive import pack


class Double:
    """A DKMS that builds by copying, and remembers what it was asked."""

    def __init__(self, host):
        self.host, self.asked, self.refuses, self.version = host, [], {}, "dkms-3.0.10"

    def run(self, argv, timeout, merge=False):
        assert argv[0] == "dkms"
        assert timeout
        if argv[1] == "--version":
            return Finished(0, f"{self.version}\n", "")
        assert merge
        action, package, version, rest = argv[1], argv[3], argv[5], argv[6:]
        self.asked.append(" ".join([action, *rest]))
        if action in self.refuses:
            return Finished(self.refuses[action], f"starting\nError! No {action} today\n", "")
        top, name = self.host / "dkms" / package, package.partition("-")[2]
        sources = self.host / "src" / f"{package}-{version}"
        assert (sources / "dkms.conf").is_file()
        if action == "add":
            (top / version / "build").mkdir(parents=True)
            (top / version / "source").symlink_to(sources)
        if action == "install":
            self._copy(rest[1], name).parent.mkdir(parents=True, exist_ok=True)
            self._copy(rest[1], name).touch()
        if action == "uninstall":
            self._copy(rest[1], name).unlink()
        if action == "remove":
            for path in self.host.glob(f"modules/*/updates/dkms/{name}.ko"):
                path.unlink()
            shutil.rmtree(top / version)
        return Finished(0, "", "")

    def _copy(self, release, name):
        return self.host / "modules" / release / "updates/dkms" / f"{name}.ko"


@pytest.fixture
def dkms(host, monkeypatch):
    one = Double(host)
    monkeypatch.setattr(_dkms_apply, "run", one.run)
    # Whatever runs here.
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release="6.1.0-9-amd64", machine="x86_64"))
    return one


def request(folder, text="int x;\n", rollout="r1", flags=()):
    """Return the request for a module with these sources."""
    sources = folder / "tiny"
    sources.mkdir(exist_ok=True)
    (sources / "Kbuild").write_text("obj-m := tiny.o\n")
    (sources / "tiny.c").write_text(text)
    sums = {path.name: sha256(path.read_bytes()) for path in sources.iterdir()}
    note = _dkms.note_of("tiny", "1.0", {"tiny": sums}, {"tiny": []}, list(flags))
    return Request({"tiny": note}, {"tiny": pack({"tiny": sources})}, 10, rollout)


def install_kernel(host, release, ours=False, headers=True):
    folder = host / "modules" / release
    folder.mkdir(parents=True)
    (folder / "modules.builtin").touch()
    if headers:
        (folder / "build").mkdir()
        (folder / "build/Makefile").touch()
    if ours:
        (folder / "updates/procfleet").mkdir(parents=True)
        (folder / "updates/procfleet/tiny.ko").touch()


def left(host):
    return sorted(path.name for top in ("src", "dkms", "state/dkms") for path in (host / top).glob("*"))


def test_register(host, dkms, tmp_path):
    one = request(tmp_path)
    version = one.notes["tiny"]["version"]
    result = manage(one, "registered")
    assert result["changed"]
    assert result["modules"] == {"tiny": {"changed": True, "version": version, "built": []}}
    assert result["diff"] == {"before": "tiny: not registered with DKMS\n", "after": f"tiny: {version}\n"}
    assert dkms.asked == ["add"]
    assert _dkms.probe("tiny") == {"version": version, "others": [], "kernels": [], "doubled": [], "unbuilt": []}
    folder = Path(_dkms.tree("tiny", version))
    assert {path.stat().st_mode & 0o7777 for path in [folder, *folder.rglob("*")]} == {0o755, 0o644}
    assert json.loads((folder / "procfleet.json").read_text()) == one.notes["tiny"]


def test_again_is_nothing(host, dkms, tmp_path):
    one = request(tmp_path)
    manage(one, "registered")
    dkms.asked.clear()
    result = manage(one, "registered")
    assert (result["changed"], dkms.asked, result["diff"]["after"]) == (False, [], "")


@pytest.mark.parametrize("state", ["registered", "absent"])
def test_check_mode_does_nothing_and_says_it(host, dkms, tmp_path, state):
    one = request(tmp_path)
    if state == "absent":
        manage(one, "registered")
    before, asked = left(host), list(dkms.asked)
    assert manage(one, state, check=True)["changed"]
    assert (left(host), dkms.asked) == (before, asked)


def test_a_kernel_that_waits_for_its_boot_is_built_for(host, dkms, tmp_path):
    install_kernel(host, "6.1.0-9-amd64", ours=True)
    install_kernel(host, "6.1.0-10-amd64")
    (host / "modules/6.2.0-left-behind").mkdir()
    result = manage(request(tmp_path), "registered")
    assert result["modules"]["tiny"]["built"] == ["6.1.0-10-amd64"]
    assert dkms.asked == ["add", "install -k 6.1.0-10-amd64"]


def test_a_kernel_with_our_build_or_without_headers_is_not(host, dkms, tmp_path):
    install_kernel(host, "6.1.0-9-amd64", headers=False)
    assert manage(request(tmp_path), "registered")["modules"]["tiny"]["built"] == []
    install_kernel(host, "6.12.0-1-amd64", ours=True)
    assert manage(request(tmp_path, "int y;\n"), "registered")["modules"]["tiny"]["built"] == []


def test_other_sources_take_the_place_of_the_former(host, dkms, tmp_path):
    install_kernel(host, "6.1.0-9-amd64", ours=True)
    install_kernel(host, "6.1.0-10-amd64")
    install_kernel(host, "6.1.0-11-amd64", ours=True)
    manage(request(tmp_path), "registered")
    version = _dkms_trees.versions("tiny")[0]
    dkms.run(["dkms", "install", "-m", "procfleet-tiny", "-v", version, "-k", "6.1.0-10-amd64"], 1, True)
    dkms.asked.clear()
    two = request(tmp_path, "int y;\n")
    result = manage(two, "registered")
    assert dkms.asked == ["remove --all", "add", "install -k 6.1.0-10-amd64"]
    assert result["modules"]["tiny"]["built"] == ["6.1.0-10-amd64"]
    assert _dkms.probe("tiny")["version"] == two.notes["tiny"]["version"]
    assert len(_dkms_trees.trees("tiny")) == 1


def test_where_ours_is_installed_dkms_takes_its_copy_away(host, dkms, tmp_path):
    install_kernel(host, "6.1.0-10-amd64")
    one = request(tmp_path)
    manage(one, "registered")
    (host / "modules/6.1.0-10-amd64/updates/procfleet").mkdir()
    (host / "modules/6.1.0-10-amd64/updates/procfleet/tiny.ko").touch()
    dkms.asked.clear()
    result = manage(one, "registered")
    assert result["diff"]["before"] == "tiny: DKMS's build beside ours for 6.1.0-10-amd64\n"
    assert dkms.asked == ["uninstall -k 6.1.0-10-amd64"]
    assert not manage(one, "registered")["changed"]


def test_what_was_changed_by_others_is_registered_anew(host, dkms, tmp_path):
    one = request(tmp_path)
    manage(one, "registered")
    Path(_dkms_trees.trees("tiny")[0], "tiny/tiny.c").write_text("evil")
    dkms.asked.clear()
    assert manage(one, "registered")["changed"]
    assert dkms.asked == ["remove --all", "add"]
    assert not manage(one, "registered")["changed"]


def test_absent_leaves_nothing(host, dkms, tmp_path):
    manage(request(tmp_path), "registered")
    manage(request(tmp_path, "int y;\n"), "registered")
    (host / "src/procfleet-tiny-left").mkdir()
    result = manage(Request({"tiny": {}}, {}, 10), "absent")
    assert result["changed"]
    assert left(host) == []
    assert not manage(Request({"tiny": {}}, {}, 10), "absent")["changed"]


def test_a_registration_without_its_sources_is_removed_all_the_same(host, dkms, tmp_path):
    install_kernel(host, "6.1.0-10-amd64")
    manage(request(tmp_path), "registered")
    shutil.rmtree(_dkms_trees.trees("tiny")[0])
    manage(Request({"tiny": {}}, {}, 10), "absent")
    assert (left(host), _dkms.installed_in("tiny")) == ([], [])


def test_the_way_back(host, dkms, tmp_path):
    one, two = request(tmp_path), request(tmp_path, "int y;\n", "r2")
    manage(one, "registered")
    manage(two, "registered")
    assert not manage(two._replace(rollout="r3"), "former")["changed"], "another run's work is left alone"
    result = manage(two, "former")
    assert result["modules"]["tiny"]["version"] == one.notes["tiny"]["version"]
    assert _dkms.probe("tiny")["version"] == one.notes["tiny"]["version"]
    assert not manage(two, "former")["changed"]
    assert not (host / "state/dkms").exists()


def test_the_way_back_to_nothing(host, dkms, tmp_path):
    one = request(tmp_path)
    manage(one, "registered")
    assert manage(one, "former")["modules"]["tiny"] == {"changed": True, "version": None, "built": []}
    assert left(host) == []


@pytest.mark.parametrize("action", ["add", "remove", "install"])
def test_what_dkms_refuses_is_said(host, dkms, tmp_path, action):
    install_kernel(host, "6.1.0-10-amd64")
    if action == "remove":
        manage(request(tmp_path), "registered")
    dkms.refuses = {action: 10}
    result = manage(request(tmp_path, "int y;\n"), "registered")
    said = explain_failures(result)
    assert said.startswith(f"DKMS does not {action} tiny")
    assert f"status 10; it says: Error! No {action} today" in said
    assert ".procfleet-" not in "".join(os.listdir(host / "src"))
    if action == "add":
        assert _dkms_trees.trees("tiny") == []
    dkms.refuses = {}
    manage(request(tmp_path, "int y;\n"), "registered")
    assert not manage(request(tmp_path, "int y;\n"), "registered")["changed"], "the next run converges"


def test_a_failed_build_says_what_the_compiler_said(host, dkms, tmp_path, monkeypatch):
    install_kernel(host, "6.1.0-10-amd64")

    def run(argv, timeout, merge=False):
        if argv[1] == "install":
            log = host / "dkms/procfleet-tiny" / argv[5] / "build/make.log"
            log.write_text("make: entering\ntiny.c:1:5: error: no such thing\n")
            return Finished(10, "Error! Bad return status\n", "")
        return dkms.run(argv, timeout, merge)

    monkeypatch.setattr(_dkms_apply, "run", run)
    result = manage(request(tmp_path), "registered")
    assert "for kernel 6.1.0-10-amd64" in explain_failures(result)
    assert "tiny.c:1:5: error: no such thing" in explain_failures(result)


@pytest.mark.parametrize("version", ["dkms: 2.8.4", "", "what?"])
def test_an_old_dkms_is_refused_before_anything_is_done(host, dkms, tmp_path, version):
    dkms.version = version
    with pytest.raises(KmodError, match=r"^DKMS is too old here: it says .*kmod_dkms to false"):
        manage(request(tmp_path), "registered")
    assert left(host) == []


def test_sources_that_are_not_those_of_the_note_are_refused(host, dkms, tmp_path):
    one = request(tmp_path)
    two = request(tmp_path, "int evil;\n")
    result = manage(one._replace(archives=two.archives), "registered")
    assert "are not those that were noted" in explain_failures(result)
    assert (left(host), dkms.asked) == ([], [])


def test_a_run_that_was_cut_off_leaves_nothing_for_the_next(host, dkms, tmp_path):
    (host / "src/.procfleet-abc").mkdir(parents=True)
    manage(request(tmp_path), "registered")
    assert not (host / "src/.procfleet-abc").exists()


def test_what_a_cut_off_run_has_kept_is_in_nobodys_way(host, dkms, tmp_path):
    one = request(tmp_path)
    manage(one, "registered")
    kept = host / "state/dkms" / f"tiny-{one.notes['tiny']['version']}"
    kept.mkdir()
    (host / "state/dkms/tiny.json").unlink()
    assert manage(request(tmp_path, "int y;\n"), "registered")["failed_modules"] == {}
    manage(Request({"tiny": {}}, {}, 10), "absent")
    assert left(host) == []


def test_an_error_of_the_system_is_said(host, dkms, tmp_path, monkeypatch):
    manage(request(tmp_path), "registered")

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    result = manage(request(tmp_path, "int y;\n"), "registered")
    assert "tiny cannot be given to DKMS, or taken from it: [Errno 28] No space left" in explain_failures(result)
    assert _dkms.probe("tiny")["version"] == request(tmp_path).notes["tiny"]["version"], (
        "the former is registered still"
    )
