# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The role's variables as users give them."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._variables import SPEC, checked


def test_what_is_given_is_of_its_type_and_the_rest_as_by_default():
    found = checked("web1", {"kmod_soak": "300", "kmod_rollback": "false", "kmod_modules": ["a", {"name": "b"}]})
    assert set(found) == set(SPEC)
    assert (found["kmod_soak"], found["kmod_rollback"]) == (300, False)
    assert found["kmod_modules"] == ["a", {"name": "b"}]
    assert (found["kmod_state"], found["kmod_timeout"]) == ("loaded", 30)


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("kmod_state", "lodaed", "value of kmod_state must be one of: loaded, unloaded, absent, got: lodaed"),
        ("kmod_soak", "five", "argument 'kmod_soak' is of type str"),
        ("kmod_soak", [5], "argument 'kmod_soak' is of type list"),
        ("kmod_rollback", "perhaps", "argument 'kmod_rollback' is of type str"),
        ("kmod_waves", {"a": 1}, "argument 'kmod_waves' is of type dict"),
        ("kmod_build_flags", {"a": 1}, "argument 'kmod_build_flags' is of type dict"),
    ],
)
def test_what_is_refused(name, value, part):
    with pytest.raises(KmodError) as caught:
        checked("web1", {name: value})
    assert caught.value.what == "web1 has variables that procfleet.procfs.kmod does not take"
    assert part in caught.value.why
    assert "ansible-doc -t role procfleet.procfs.kmod" in caught.value.todo


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(KmodError, match=r"kmod_soak.*; .*kmod_state"):
        checked("web1", {"kmod_state": 5, "kmod_soak": "x"})
