# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A YAML file with its lines: every refusal names the file and the line."""

from __future__ import annotations

import re

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._document import LIMIT, Document

GOOD = """\
---
name: m
entries:
  - path: /proc/a
    type: file
  - path: /proc/b
nested: {a: 1, b: [x, y]}
"""


def write(tmp_path, content):
    path = tmp_path / "kmod.yml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), 1),
        (("name",), 2),
        (("entries",), 3),
        (("entries", 0), 4),
        (("entries", 0, "type"), 5),
        (("entries", 1, "path"), 6),
        (("entries", 1, "missing"), 6),
        (("entries", 9), 3),
        (("nested", "b", 1), 7),
        (("missing", "deeper"), 1),
    ],
)
def test_lines(tmp_path, keys, line):
    assert Document(write(tmp_path, GOOD)).line(keys) == line


def test_refuse(tmp_path):
    document = Document(write(tmp_path, GOOD))
    with pytest.raises(KmodError, match=re.escape(f"{tmp_path}/kmod.yml:6: entries[1].path is wrong: really. Mend it")):
        document.refuse(("entries", 1, "path"), "is wrong: really", "Mend it")


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        ("a: 1\nb: [\n", 3, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key a stands twice"),
        ("a:\n  - b: 1\n    b: 2\n", 3, "the key b stands twice"),
        ("", 1, "must be a mapping"),
        ("# nothing\n", 1, "must be a mapping"),
        ("- a\n", 1, "must be a mapping"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: 1\nb: \0\n", 2, "not YAML"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "not YAML"),
        ("a: 2026-13-45\n", 1, "cannot be read"),
        ("a: 1\n[x, y]: 2\n", 2, "not YAML"),
        ("a: &x [1]\nb: *x\n", 2, "the alias \\*x is refused"),
        ("a: &x [*x]\n", 1, "the alias \\*x is refused"),
        ("a: " + "[" * 5000, 1, "cannot be read|not YAML"),
    ],
)
def test_refused(tmp_path, content, line, why):
    path = write(tmp_path, content)
    with pytest.raises(KmodError, match=f"{re.escape(str(path))}:{line}: .*(?:{why})"):
        Document(path)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(KmodError, match=r"kmod\.yml cannot be read"):
        Document(tmp_path / "kmod.yml")
    with pytest.raises(KmodError, match=r"kmod\.yml cannot be read"):
        Document(write(tmp_path, b"a: \xff\n"))
    with pytest.raises(KmodError, match="is larger than"):
        Document(write(tmp_path, "#" * (LIMIT + 1)))


def test_only_safe_values(tmp_path):
    assert Document(write(tmp_path, 'a: "0600"\nb: yes\n')).value == {"a": "0600", "b": True}
