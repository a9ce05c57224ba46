# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module's contract: what it gives, and that each mistake is refused with file and line."""

from __future__ import annotations

import re

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._contract import Contract, sources

GOOD = """\
name: my-mod
version: "1.0"
description: d
depends: [other-mod]
kconfig: [CONFIG_PROC_FS]
parameters:
  mode:
    type: octal
    default: "0600"
    max: "0666"
  label:
    type: string
    default: x
  on:
    type: bool
  quiet:
    type: bool
    default: true
    sysfs: false
entries:
  - path: /proc/${label}
    type: file
    mode: ${mode}
    contains: ["${label}", "$$5 for ${label}", "$plain"]
    numbers: [{pattern: "^${label} ([0-9]+)$$", min: 1}]
  - path: /proc/gone
    state: gone
gone:
  - /proc/old_${label}
log:
  load: [loaded]
""".replace("  on:\n", '  "on":\n')


@pytest.fixture
def contract(tmp_path):
    """Return the contract that a text in a module's folder makes."""
    folder = tmp_path / "my_mod"
    folder.mkdir()
    (folder / "Kbuild").write_text("obj-m := my_mod.o\n")

    def read(text=GOOD):
        (folder / "kmod.yml").write_text(text)
        return Contract(folder)

    return read


def test_what_it_says(contract):
    said = contract()
    assert (said.name, said.version, said.depends, said.kconfig) == ("my_mod", "1.0", ["other_mod"], ["CONFIG_PROC_FS"])
    assert said.log == {"load": ["loaded"]}
    assert said.sources.keys() == {"Kbuild"}


def test_parameters(contract):
    said = contract()
    assert said.parameters({}) == {"mode": "0600", "label": "x", "quiet": "Y"}
    assert said.parameters({"on": "yes", "quiet": False, "label": 5}) == {
        "mode": "0600",
        "label": "5",
        "on": "Y",
        "quiet": "N",
    }


def test_entries(contract):
    entries = contract().entries({"label": "lab", "on": True})
    assert entries[0] == {
        "path": "/proc/lab",
        "state": "present",
        "type": "file",
        "mode": "0600",
        "contains": ["lab", "$5 for lab", "$plain"],
        "numbers": [{"pattern": "^lab ([0-9]+)$", "min": 1}],
    }
    shown = {entry["path"].rpartition("/")[2]: entry["equals"] for entry in entries[2:]}
    assert shown == {"label": "lab\n", "mode": "384\n", "on": "Y\n"}
    assert all(entry["path"].startswith("/sys/module/my_mod/parameters/") for entry in entries[2:])


def test_gone(contract):
    assert [(entry["path"], entry["state"]) for entry in contract().gone({"label": "lab"})] == [
        (path, "gone")
        for path in (
            "/proc/lab",
            "/sys/module/my_mod/parameters/label",
            "/sys/module/my_mod/parameters/mode",
            "/proc/old_lab",
            "/sys/module/my_mod",
        )
    ]


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        ({"none": 1}, "my_mod has no parameter none: .*kmod.yml declares mode, label, on, quiet"),
        ({"mode": "0777"}, "Parameter mode of my_mod: must be at most 0666, not 0777"),
        ({"mode": 420}, "Parameter mode of my_mod: must be a quoted octal"),
        ({"on": "maybe"}, "Parameter on of my_mod: must be true or false"),
        ({"label": 'a"b'}, "Parameter label of my_mod: quotes"),
        ({"label": ["x"]}, "Parameter label of my_mod: must be a string"),
        ({"label": None}, "Parameter label of my_mod: must be a string"),
    ],
)
def test_overrides_that_are_refused(contract, overrides, part):
    with pytest.raises(KmodError, match=part):
        contract().entries(overrides)


def test_an_override_that_leads_out_of_proc(contract):
    with pytest.raises(KmodError, match=r"kmod\.yml:21: entries\[0\]\.path is wrong: .*upwards"):
        contract().entries({"label": "../etc/passwd"})


@pytest.mark.parametrize(
    ("old", "new", "line", "part"),
    [
        ("name: my-mod", "name: other", 1, "name is other, but the folder is my_mod"),
        ("name: my-mod", "name: a/b", 1, "name is wrong: 'a/b' is not a module name"),
        ("name: my-mod", "name: 5", 1, "name must be a string, not 5"),
        ('version: "1.0"', "version: 1.0", 2, "version must be a string, not 1.0"),
        ('version: "1.0"\n', "", 1, "lacks the key `version`"),
        ("description: d", "descriptoin: d", 3, "descriptoin is not a key that procfleet knows"),
        ("depends: [other-mod]", "depends: other-mod", 4, "depends must be a list"),
        ("depends: [other-mod]", "depends: [5]", 4, r"depends\[0\] must be a string"),
        ("kconfig: [CONFIG_PROC_FS]", "kconfig: [{a: b}]", 5, r"kconfig\[0\] must be a string"),
        ("  mode:\n    type: octal", "  mode:\n    type: ulong", 8, r"parameters\.mode\.type must be one of bool, int"),
        ('default: "0600"', "default: 0600", 9, r"parameters\.mode\.default must be a quoted octal .*, not 384"),
        ('max: "0666"', "max: 0666", 10, r"parameters\.mode\.max must be a quoted octal"),
        ('default: "0600"', 'default: "0777"', 9, r"parameters\.mode\.default must be"),
        ('default: "0600"', "default: 1.5", 9, r"parameters\.mode\.default must be"),
        ('max: "0666"', "maximum: 5", 10, r"parameters\.mode\.maximum is not a key"),
        ("  mode:\n    type: octal\n", "  mode:\n", 7, r"parameters\.mode lacks the key `type`"),
        ("  label:", "  la bel:", 11, "cannot be a parameter's name"),
        ("  label:", "  5:", 11, "cannot be a parameter's name"),
        ('  "on":', "  on:", 6, "cannot be a parameter's name"),
        ("    default: x", "    default: x\n    min: a", 11, r"parameters\.label has bounds, but string is no number"),
        ("sysfs: false", "sysfs: 0", 19, r"parameters\.quiet\.sysfs must be true or false"),
        ("  - path: /proc/${label}", "  - path: /etc/${label}", 21, r"entries\[0\]\.path is wrong: .*must lie under"),
        ("    mode: ${mode}", "    mode: 0600", 23, r"entries\[0\]\.mode is wrong: .*quotes"),
        ("    mode: ${mode}", "    mode: ${modes}", 21, r"entries\[0\] is wrong: .*names no parameter: 'modes'"),
        ("    mode: ${mode}", "    moed: ${mode}", 23, r"entries\[0\]\.moed is wrong: .*is not a key"),
        ("    type: file", "    type: file\n    type: link", 23, "the key type stands twice"),
        ("    state: gone", "    state: gone\n    mode: '0444'", 28, r"entries\[1\]\.mode is wrong"),
        ("  - /proc/old_${label}", "  - /etc/old", 29, r"gone\[0\] is wrong: .*must lie under"),
        ("  - /proc/old_${label}", "  - /proc/ok\n  - /proc/../etc", 30, r"gone\[1\] is wrong: .*upwards"),
        ("  - /proc/old_${label}", "  - /proc/${none}", 29, r"gone\[0\] is wrong: .*names no parameter"),
        ("  - /proc/old_${label}", "  - 5", 29, r"gone\[0\] must be a string"),
        ("  load: [loaded]", "  load: loaded", 31, r"log\.load must be a list"),
        ("  load: [loaded]", "  load: [5]", 31, r"log\.load must be a list of strings"),
        ("  load: [loaded]", "  laod: [x]", 31, r"log\.laod is not a key"),
    ],
)
def test_mistakes(contract, tmp_path, old, new, line, part):
    assert GOOD.count(old) == 1
    with pytest.raises(KmodError, match=f"^{re.escape(str(tmp_path))}/my_mod/kmod\\.yml:{line}: .*{part}"):
        contract(GOOD.replace(old, new))


@pytest.mark.parametrize("key", ["parameters", "entries", "depends", "kconfig", "gone", "log"])
def test_a_key_without_a_value(contract, key):
    """`parameters:` alone is null in YAML; it is refused, never taken for an empty one."""
    text = re.sub(rf"^{key}:.*\n(?:  .*\n)*", f"{key}:\n", GOOD, flags=re.MULTILINE)
    line = text.split("\n").index(f"{key}:") + 1
    with pytest.raises(KmodError, match=rf"kmod\.yml:{line}: {key} must be a (list|mapping), not None"):
        contract(text)


def test_sources(tmp_path):
    leftovers = [
        "a.o",
        "a.ko",
        "a.mod",
        "a.mod.c",
        ".a.o.cmd",
        "modules.order",
        "Module.symvers",
        ".git/config",
        "kmod.yml",
        "sub/b.o",
    ]
    kept = ["Kbuild", "a.c", "sub/b.c", "a.h"]
    for path in leftovers + kept:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    assert sorted(sources(tmp_path)) == sorted(kept)


def test_a_folder_without_kbuild(tmp_path):
    (tmp_path / "a.c").touch()
    with pytest.raises(KmodError, match="has no Kbuild"):
        sources(tmp_path)
    (tmp_path / "Makefile").touch()
    assert sources(tmp_path).keys() == {"a.c", "Makefile"}
