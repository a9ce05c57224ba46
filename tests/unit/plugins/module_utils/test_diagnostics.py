# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Recorded builds, read: 6.1 and 6.12 with gcc 12, 6.1 with clang 16; each folder is one kind of mistake."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._diagnostics import failed_rules, first_errors, parse

TOP = "/tmp/rec"


@pytest.fixture
def log(data):
    return lambda name: (data / "make" / (name + ".log")).read_text()


def brief(diagnostics):
    return [(one["module"], one["file"], one["line"], one["kind"]) for one in diagnostics]


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_gcc(log, kernel):
    found = parse(log(kernel + "-gcc"), TOP)
    assert brief(found) == [
        ("broken", "broken/broken.c", 37, "error"),
        ("unused", "unused/unused.c", 3, "warning"),
        ("assembler", "assembler/assembler.c", 3, "error"),
        ("noheader", "noheader/noheader.c", 2, "error"),
        ("inheader", "inheader/x.h", 1, "error"),
    ]
    assert found[3]["message"] == "not_there.h: No such file or directory"
    assert failed_rules(log(kernel + "-gcc"), TOP) >= {"broken", "assembler", "noheader", "inheader"}
    assert not {"good", "unused"} & failed_rules(log(kernel + "-gcc"), TOP)


def test_clang(log):
    """Notes are no diagnostics, and what the driver says of flags is nobody's."""
    found = parse(log("6.1-clang"), TOP)
    assert [one for one in brief(found) if one[0]] == [
        ("broken", "broken/broken.c", 37, "warning"),
        ("unused", "unused/unused.c", 3, "warning"),
        ("unused", "unused/unused.c", 3, "warning"),
        ("noheader", "noheader/noheader.c", 2, "error"),
        ("inheader", "inheader/x.h", 1, "error"),
    ]
    assert "unused function 'never'" in found[2]["message"]
    assert failed_rules(log("6.1-clang"), TOP) >= {"noheader", "inheader"}


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_what_make_cannot_read(log, kernel):
    """A folder is blamed for its Kbuild and for its missing source, and no other."""
    text = log(kernel + "-kbuild")
    assert first_errors(parse(text, TOP)) == [
        "badkbuild/Kbuild:2: missing separator",
        "No rule to make target 'nosource/nosource.o', needed by 'nosource/'",
    ]
    assert {one["module"] for one in parse(text, TOP)} == {"badkbuild", "nosource"}
    assert failed_rules(text, TOP) >= {"badkbuild", "nosource"}
    assert "good" not in failed_rules(text, TOP)


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_modpost(log, kernel):
    """Whichever way modpost names the module, it is found; else one mistake would stop every module."""
    found = parse(log(kernel + "-modpost"), TOP)
    assert [(one["module"], one["kind"]) for one in found] == [
        ("nolicense", "error"),
        ("mismatch", "warning"),
        ("undef", "error"),
        ("proprietary", "error"),
        ("namespace", "error"),
    ]
    assert first_errors(found)[:2] == [
        "missing MODULE_LICENSE() in nolicense/nolicense.o",
        '"nowhere" [undef/undef.ko] undefined!',
    ]
    assert all(TOP not in one["message"] for one in found)


def test_a_log_without_complaints():
    assert parse("make: Entering directory '/x'\n  CC [M]  a/a.o\n  LD [M]  a/a.ko\n", TOP) == []
    assert failed_rules("  CC [M]  a/a.o\n", TOP) == set()


def test_relative_paths_as_kernels_since_6_13_print_them():
    text = "a/a.c:3:5: error: no\nmake[3]: *** [/usr/src/h/scripts/Makefile.build:287: a/a.o] Error 1\n"
    assert brief(parse(text, TOP)) == [("a", "a/a.c", 3, "error")]
    assert failed_rules(text, TOP) == {"a"}


def test_another_places_errors_are_nobodys():
    text = (
        "/usr/src/linux/include/linux/x.h:3: error: no\nmake: *** [/usr/src/linux/Makefile:9: /elsewhere/a.o] Error 1\n"
    )
    assert brief(parse(text, TOP)) == [("", "/usr/src/linux/include/linux/x.h", 3, "error")]
    assert failed_rules(text, TOP) == set()


def test_each_is_said_once():
    line = TOP + "/a/a.c:3:5: warning: w\n"
    assert len(parse(line * 3, TOP)) == 1


def test_first_errors_are_few_and_no_warnings():
    text = "".join("%s/a/a.c:%d:1: error: e\n%s/a/a.c:%d:1: warning: w\n" % (TOP, n, TOP, n) for n in range(1, 9))
    assert first_errors(parse(text, TOP)) == ["a/a.c:%d: e" % n for n in range(1, 6)]
