# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources are packed as they are; what comes back is tested with the action kmod_build."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._build import unpack
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._sources import (
    fingerprints,
    packed,
    received,
    well_formed,
)

FILES = Path(__file__).parents[4] / "files/kmod"
ASKED = {"modules": [{"name": "proc-demo", "folder": str(FILES / "proc_demo"), "fingerprint": "a" * 64}], "jobs": 2}


@pytest.mark.parametrize("modules", [None, "m", ["m"], [{"name": "m"}], [{"folder": "m"}]])
def test_what_is_no_list_of_folders(modules):
    assert well_formed(ASKED["modules"])
    assert not well_formed(modules)


def test_what_goes_out(tmp_path):
    sent = packed(ASKED, True, True)
    unpack(sent.pop("archive"), str(tmp_path))
    assert sorted(path.name for path in (tmp_path / "proc_demo").iterdir()) == ["Kbuild", "proc_demo.c"]
    assert sent == {**ASKED, "fetch": True}
    assert "fetch" not in packed(ASKED, True, False)


def test_a_fingerprint_follows_from_the_sources_where_none_is_given():
    nameless = {"modules": [{key: value for key, value in ASKED["modules"][0].items() if key != "fingerprint"}]}
    first, again = (packed(nameless, False, False)["modules"][0]["fingerprint"] for _time in range(2))
    assert (len(first), first) == (64, again)
    with pytest.raises(KmodError, match="The store needs a `fingerprint` of each module"):
        packed(nameless, True, False)


def test_without_a_store_nothing_is_kept_and_no_image_stays():
    result = {"modules": {"proc_demo": {}}, "images": {"proc_demo": "x"}, "failed_modules": {}}
    received(result, ASKED, None, "web1")
    assert result == {"modules": {"proc_demo": {}}, "failed_modules": {}}
    assert fingerprints(ASKED) == {"proc_demo": "a" * 64}
