# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages first, then the builds, then whoever has one; the shells of kmod and kmod_build are tested with them."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _building
from ansible_collections.procfleet.procfs.plugins.module_utils._building import build_first, make_builds, with_builds
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

ASKED = {"name": "a-b", "folder": "/x", "fingerprint": "f" * 64}


@pytest.fixture
def nothing_brought(monkeypatch):
    """A host on which no package may be installed."""
    monkeypatch.setattr(_building, "bring", lambda *words: pytest.fail(f"installs {words}"))


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (["a-b", "c"], ["a_b", "user", "far", "apart", "c"]),
        (["c"], ["apart", "c"]),  # what needs a-b, however far, goes with it
        (["a-b"], ["a_b", "user", "far", "apart"]),
        ([], ["apart"]),
    ],
)
def test_who_has_a_build(names, left):
    modules = [
        {"name": "a_b", "depends": []},
        {"name": "user", "depends": ["a-b"]},
        {"name": "far", "depends": ["user"]},
        {"name": "apart", "depends": ["kernels-own"]},
        {"name": "c", "depends": []},
    ]
    built = {"modules": {name.replace("-", "_"): {} for name in names}}
    kept = with_builds(modules, [ASKED, {"name": "c", "folder": "/c"}, {"name": "other", "folder": "/o"}], built)
    assert [one["name"] for one in kept] == left


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"modules": "a"},
        {"modules": [ASKED], "jobs": "many"},
        {"modules": [ASKED], "packages": ["make"], "store": "/x"},
        {"modules": [{**ASKED, "name": "../x"}], "packages": ["make"]},
        {"modules": [ASKED], "release": "-x", "packages": ["make"]},
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_installed(given, nothing_brought):
    with pytest.raises(KmodError):
        build_first(given, None, False)


def test_what_was_installed_is_told_where_the_build_fails(monkeypatch):
    monkeypatch.setattr(_building, "bring", lambda *_words: {"changed": True, "added": ["make=4"], "removed": []})
    params = {name: option.get("default") for name, option in _building.OPTIONS.items()}
    params.update(modules=[{**ASKED, "depends": []}], packages=["make"], manager="apt", headers="/no")
    with pytest.raises(KmodError, match="No headers") as caught:
        make_builds(params, False)
    assert caught.value.details == {"changed": True, "added": ["make=4"]}
    assert make_builds(params, True)["changed"] is True
