# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Archives, the flow around make, and what is published. No compiler runs; make's part is played by recorded words."""

from __future__ import annotations

import base64
import io
import os
import re
import tarfile

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _build, _names
from ansible_collections.procfleet.procfs.plugins.module_utils._command import PLAIN, Finished
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._store import fingerprints

RELEASE = "6.1.0-56-cloud-amd64"  # the recorded image's


def archive(*members, mode="w:gz"):
    """An archive of (name, content), or of whole TarInfos."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return base64.b64encode(packed.getvalue()).decode()


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_unpack(tmp_path):
    _build.unpack(archive(("m/m.c", b"int x;"), ("m/sub/y.h", b"")), str(tmp_path))
    assert (tmp_path / "m/m.c").read_bytes() == b"int x;"
    assert (tmp_path / "m/sub/y.h").read_bytes() == b""


@pytest.mark.parametrize(
    "member",
    [
        ("/etc/cron.d/x", b""),
        ("m/../../x", b""),
        ("../x", b""),
        ("Kbuild", b""),
        special("m/link", tarfile.SYMTYPE, "/etc/passwd"),
        special("m/hard", tarfile.LNKTYPE, "/etc/passwd"),
        special("m/fifo", tarfile.FIFOTYPE),
        special("m/device", tarfile.CHRTYPE),
        special("m/folder", tarfile.DIRTYPE),
    ],
    ids=lambda member: member[0] if isinstance(member, tuple) else member.name,
)
def test_hostile_members(tmp_path, member):
    with pytest.raises(KmodError, match="The archive of sources holds"):
        _build.unpack(archive(("m/good.c", b"x"), member), str(tmp_path / "work"))
    assert os.listdir(tmp_path) == []


def test_a_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(_build, "UNPACKED_LIMIT", 1000)
    with pytest.raises(KmodError, match="larger than 1000 bytes"):
        _build.unpack(archive(("m/a", bytes(600)), ("m/b", bytes(600))), str(tmp_path / "work"))
    assert os.listdir(tmp_path) == []


GOOD = archive(("m/m.c", os.urandom(5000)), ("m/n.c", os.urandom(5000)))


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "AAAA",
        "not base64!",
        "ünicode",
        GOOD[:-3],
        GOOD[: len(GOOD) // 2 // 4 * 4],
        GOOD[:4000] + "AAAAAAAA" + GOOD[4008:],
        archive(("m/m.c", b"x"), mode="w:xz"),
        base64.b64encode(b"\x1f\x8b\x08\x00" + bytes(100)).decode(),
    ],
)
def test_damaged_archives(tmp_path, packed):
    with pytest.raises(KmodError, match="The archive of sources is damaged"):
        _build.unpack(packed, str(tmp_path))


class Make:
    """Plays make: leaves the image of each module that is not broken; records what was asked of it."""

    def __init__(self, image, broken):
        self.image, self.broken, self.runs, self.said = image, broken, [], []

    def __call__(self, argv, timeout, environment=None, **_options):
        if argv[0] == "strip":
            return _build_finished(0, "")
        work = next(word[2:] for word in argv if word.startswith("M="))
        names = re.findall(r"obj-m \+= (\S+)/", open(work + "/Kbuild").read())  # noqa: SIM115
        self.runs.append(names)
        self.said.append((argv, timeout))
        self.environment = environment
        words = "".join(self.broken[name].replace("TOP", work) for name in names if name in self.broken)
        if words:
            return _build_finished(2, words)
        for name in names:
            os.makedirs(os.path.join(work, name), exist_ok=True)
            with open("%s/%s/%s.ko" % (work, name, name), "wb") as stream:
                stream.write(self.image)
        return _build_finished(0, "TOP/a/a.c:1:1: warning: w\n".replace("TOP", work))


def _build_finished(status, out):

    return Finished(status, out, "")


@pytest.fixture
def make(host, image, monkeypatch):
    """Return a request for modules (name -> what it depends on), with make played."""
    (host / "headers").mkdir()
    (host / "headers/Makefile").touch()

    def ask(depends, broken=None):
        played = Make(image, broken or {})
        monkeypatch.setattr(_build, "run", played)
        modules = {name: {"fingerprint": name[0] * 64, "depends": needs} for name, needs in depends.items()}
        packed = archive(*((name + "/Kbuild", b"x") for name in depends))
        return _build.Request(modules, packed, RELEASE, str(host / "headers"), ["W=1"], 3, 60), played

    return ask


def error(name):
    return "TOP/%s/%s.c:7:3: error: no such thing\n" % (name, name)


def test_all_in_one_make(make, host):
    request, played = make({"a": [], "b": ["a"]})
    result = _build.build_missing(request)
    assert played.runs == [["a", "b"]]
    assert played.said[0] == (
        ["make", "-k", "-j3", "-C", request.headers, "M=%s/.work" % _names.builds_dir(RELEASE), "W=1", "modules"],
        60,
    )
    assert result["changed"] is True
    assert result["runs"] == 1
    assert set(result["modules"]) == {"a", "b"}
    assert result["modules"]["a"]["release"] == RELEASE
    assert result["failed_modules"] == {}
    assert [one["module"] for one in result["compiler_warnings"]] == ["a"]
    assert os.path.exists(result["log"])
    assert sorted(os.listdir(_names.builds_dir(RELEASE))) == ["a-" + "a" * 32, "b-" + "b" * 32]


@pytest.mark.parametrize(
    ("file", "text", "written"),
    [
        (None, "", False),
        ("include/config/auto.conf", "CONFIG_DEBUG_INFO=y\n# CONFIG_GENDWARFKSYMS=y is not set\n", False),
        ("include/config/auto.conf", "CONFIG_GENDWARFKSYMS=y\nCONFIG_X=y\n", True),
        ("include/config/auto.conf", "CONFIG_X=y\nCONFIG_GENDWARFKSYMS=y\n", True),
        ("vmlinux", "", True),
    ],
)
def test_debug_sections_only_where_the_kernels_build_reads_them(make, host, file, text, written):
    request, played = make({"a": []})
    if file:
        path = host / "headers" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _build.build_missing(request)
    assert played.environment == {**PLAIN, **({} if written else {"KCFLAGS": "-g0"})}


def test_again_nothing_is_made(make):
    request, _played = make({"a": []})
    _build.build_missing(request)
    request, played = make({"a": []})
    result = _build.build_missing(request)
    assert played.runs == []
    assert (result["changed"], result["runs"], result["log"], set(result["modules"])) == (False, 0, None, {"a"})


def test_only_what_is_missing_and_what_it_needs(make):
    _build.build_missing(make({"a": [], "c": []})[0])
    request, played = make({"a": [], "b": ["a"], "c": []})
    result = _build.build_missing(request)
    assert played.runs == [["a", "b"]]
    assert result["diff"]["after"] == "build of b for %s\n" % RELEASE


def test_a_broken_one_does_not_stop_the_others(make):
    request, played = make({"a": [], "b": ["a", "crc7"], "c": ["b"], "d": []}, {"b": error("b")})
    result = _build.build_missing(request)
    assert played.runs == [["a", "b", "c", "d"], ["a", "d"]]
    assert set(result["modules"]) == {"a", "d"}
    assert result["failed_modules"] == {
        "b": ["b/b.c:7: no such thing"],
        "c": ["not built: it depends on b, which does not build"],
    }
    assert result["errors"][0]["line"] == 7
    assert result["changed"] is True


def test_only_the_broken_one_that_it_depends_on_is_named(make):
    request, _played = make({"a": [], "b": [], "c": ["a"]}, {"a": error("a"), "b": error("b")})
    assert _build.build_missing(request)["failed_modules"]["c"] == ["not built: it depends on a, which does not build"]


def test_when_nobody_can_be_blamed_all_have_failed(make):
    request, played = make({"a": [], "b": []}, {"a": "cc: out of memory\n"})
    result = _build.build_missing(request)
    assert played.runs == [["a", "b"]]
    assert set(result["failed_modules"]) == {"a", "b"}
    assert result["failed_modules"]["a"] == ["cc: out of memory"]
    assert (result["changed"], fingerprints(RELEASE, "b")) == (False, [])


@pytest.mark.parametrize(
    "words",
    [
        "ERROR: modpost: missing MODULE_LICENSE() in TOP/a/a.o\n",
        "ERROR: modpost: GPL-incompatible module a.ko uses GPL-only symbol 'x'\n",
        "ERROR: modpost: module a uses symbol x from namespace X, but does not import it.\n",
        "TOP/a/Kbuild:2: *** missing separator.  Stop.\n",
        "make[2]: *** No rule to make target 'TOP/a/a.o', needed by 'TOP/a/'.\n",
        "make[1]: *** [/usr/src/linux/scripts/Makefile.build:508: TOP/a] Error 2\n",
    ],
)
def test_whatever_the_mistake_the_other_is_built(make, words):
    request, _played = make({"a": [], "b": []}, {"a": words})
    result = _build.build_missing(request)
    assert list(result["failed_modules"]) == ["a"]
    assert list(result["modules"]) == ["b"]


def test_a_folder_whose_kbuild_names_another_object(make, monkeypatch):
    request, played = make({"a": [], "b": ["a"], "c": []})
    exists = os.path.exists
    monkeypatch.setattr(_build.os.path, "exists", lambda path: not str(path).endswith("/a/a.ko") and exists(path))
    result = _build.build_missing(request)
    assert played.runs == [["a", "b", "c"]]
    assert result["failed_modules"] == {
        "a": ["make left no a/a.ko: the folder and the object in its Kbuild must have one name"],
        "b": ["not built: it depends on a, which does not build"],
    }
    assert set(result["modules"]) == {"c"}


def test_headers_of_another_kernel(make):
    request, _played = make({"a": []})
    with pytest.raises(KmodError, match=r"a was built for 6.1.0-56-cloud-amd64, not for 6.12"):
        _build.build_missing(request._replace(release="6.12"))
    assert fingerprints("6.12", "a") == []


def test_no_headers(make, host):
    request, played = make({"a": []})
    os.unlink(host / "headers/Makefile")
    with pytest.raises(KmodError, match="No headers for kernel"):
        _build.build_missing(request)
    assert played.runs == []


def test_a_build_that_was_cut_off_leaves_nothing_for_the_next(make, host):
    for left in (".work/a", ".publish-x"):
        (host / "state/builds" / RELEASE / left).mkdir(parents=True)
    (host / "state/builds" / RELEASE / ".work/a/a.o").touch()
    _build.build_missing(make({"a": []})[0])
    assert os.listdir(host / "state/builds" / RELEASE) == ["a-" + "a" * 32]


def test_a_full_disk(make, monkeypatch):
    request, _played = make({"a": []})

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_build.shutil, "copyfileobj", full)
    with pytest.raises(KmodError, match=r"No space left on device.*Nothing was published"):
        _build.build_missing(request)
    assert os.listdir(_names.builds_dir(RELEASE)) == []


def test_predict(make):
    _build.build_missing(make({"a": []})[0])
    request, played = make({"a": [], "b": []})
    result = _build.predict(request)
    assert played.runs == []
    assert result["changed"] is True
    assert result["diff"]["after"] == "build of b for %s\n" % RELEASE
    assert result.keys() == _build.build_missing(request).keys()


def test_explain_failures():
    text = _build.explain_failures({"failed_modules": {"b": ["x"], "a": ["y", "z"]}, "log": "/l"})
    assert text.splitlines()[1:] == ["  a:", "    y", "    z", "  b:", "    x", "The full log is /l on the host."]


@pytest.mark.parametrize(("known", "built"), [("", True), ("0x00000001\tother\tvmlinux\tEXPORT_SYMBOL\t\n", False)])
def test_what_the_kernel_does_not_export(make, host, known, built):
    """Headers without the kernel's list tell nothing; those with it are believed."""
    (host / "headers/Module.symvers").write_text(known)
    request, _played = make({"a": []})
    result = _build.build_missing(request)
    assert ("a" in result["modules"]) == built
    said = result["failed_modules"].get("a", [""])[0]
    assert built or said.startswith(f"kernel {RELEASE} has not what it needs: ")
    assert built or "crc7_be (not exported)" in said
