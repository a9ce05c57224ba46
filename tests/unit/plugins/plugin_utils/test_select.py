# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which modules are chosen, and in which order."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._select import find_folders, parse_choice, select


def make(top, name, depends=(), folder=None):
    path = top / (folder or name)
    path.mkdir(parents=True)
    (path / "Kbuild").touch()
    (path / "kmod.yml").write_text(
        f"name: {name}\nversion: '1'\ndescription: d\ndepends: [{', '.join(depends)}]\n"
        "parameters: {n: {type: int, default: 1}}\nentries: []\n"
    )
    return str(top)


@pytest.fixture
def top(tmp_path):
    make(tmp_path, "c", ["b", "crc7"])
    make(tmp_path, "b", ["a"])
    make(tmp_path, "a")
    make(tmp_path, "d-e")
    (tmp_path / "no_module").mkdir()
    return str(tmp_path)


def names(chosen):
    return [contract.name for contract, _overrides in chosen]


def test_all(top):
    assert names(select([top], [])) == ["a", "b", "c", "d_e"]


def test_what_a_chosen_one_needs_comes_along(top):
    chosen = select([top], [{"name": "b", "parameters": {"n": 5}}, "d_e"])
    assert [(contract.name, overrides) for contract, overrides in chosen] == [("a", {}), ("b", {"n": 5}), ("d_e", {})]


def test_several_paths(top, tmp_path):
    other = make(tmp_path / "other", "z", ["a"])
    assert names(select([top, other], ["z"])) == ["a", "z"]


def test_an_unknown_module(top):
    with pytest.raises(KmodError, match=r"There is no module x: known are a, b, c, d_e\. Correct kmod_modules"):
        select([top], ["x"])


def test_a_circle(tmp_path):
    make(tmp_path, "a", ["b"])
    make(tmp_path, "b", ["a"])
    with pytest.raises(KmodError, match="in a circle: a -> b -> a"):
        select([str(tmp_path)], [])


def test_places_that_hold_none(tmp_path):
    with pytest.raises(KmodError, match="is not a directory"):
        find_folders([str(tmp_path / "none")])
    with pytest.raises(KmodError, match="No module found in"):
        find_folders([str(tmp_path)])
    with pytest.raises(KmodError, match="No module found in"):
        find_folders([])


def test_one_name_twice(tmp_path):
    make(tmp_path / "1", "a-b")
    make(tmp_path / "2", "a_b")
    with pytest.raises(KmodError, match="Module a_b stands twice"):
        find_folders([str(tmp_path / "1"), str(tmp_path / "2")])


@pytest.mark.parametrize(
    ("choice", "part"),
    [
        ([5], "kmod_modules holds 5"),
        ([None], "kmod_modules holds None"),
        ([{"parameters": {}}], "kmod_modules holds"),
        ([{"name": 5}], "kmod_modules holds"),
        ([{"name": "a", "paramters": {}}], "kmod_modules holds"),
        ([{"name": "a", "parameters": [1]}], "parameters of a must be a mapping"),
        (["a-b", {"name": "a_b"}], "kmod_modules names a_b twice"),
        (["../x"], "is not a module name"),
    ],
)
def test_choices_that_are_refused(choice, part):
    with pytest.raises(KmodError, match=part):
        parse_choice(choice)


def test_choices():
    assert parse_choice(
        ["a-b", {"name": "c"}, {"name": "d", "parameters": None}, {"name": "e", "parameters": {"x": 1}}]
    ) == {
        "a_b": {},
        "c": {},
        "d": {},
        "e": {"x": 1},
    }
