# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page as a file: whole, alone, and with nothing in it that a host could have put there. tests/page/ opens it."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._page import FOLDER, SCRIPTS, embedded, page
from ansible_collections.procfleet.procfs.tests.fleet import fleet

SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL)


@pytest.fixture(scope="module")
def made():
    return page(fleet(100))


def test_it_is_whole(made):
    assert made.startswith("<!doctype html>")
    assert not re.search(r"@(policy|style|data|script)@", made)
    assert {*SCRIPTS, "page.html", "style.css"} == {path.name for path in FOLDER.iterdir()}


def test_it_holds_the_record(made):
    (kind, data), (_plain, _script) = SCRIPT.findall(made)
    assert kind == ' id="data" type="application/json"'
    said, whole = json.loads(data), fleet(100)
    assert [host["name"] for host in said["hosts"]] == [host["name"] for host in whole["hosts"]]
    assert said["counts"] == whole["counts"]
    assert said["waves"] == whole["waves"]


def test_entries_that_hold_are_only_counted(made):
    said = json.loads(SCRIPT.findall(made)[0][1])
    contracts = [one["contract"] for host in said["hosts"] for one in host["modules"].values() if one["contract"]]
    assert all(len(contract["entries"]) == contract["failed"] for contract in contracts)
    assert {contract["total"] for contract in contracts} == {3}


def test_its_policy_allows_this_one_script(made):
    script = SCRIPT.findall(made)[1][1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in made


def test_it_asks_nothing_of_a_network(made):
    assert not re.search(r"\b(src|href)=[\"']?(https?:|//)|@import|url\(", made)


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "a\u2028b\u2029", "&lt;", "@script@", '"\\'])
def test_no_text_leaves_the_data(text):
    inside = embedded({"name": text})
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside) == {"name": text}
