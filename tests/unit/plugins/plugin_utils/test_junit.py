# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""JUnit XML: what consumers count on."""

from __future__ import annotations

from xml.etree import ElementTree as xml

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._junit import junit
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import record
from ansible_collections.procfleet.procfs.tests.fleet import RUN, entry, failure, fleet, paths, results

CASES = {"testcase": ("classname", "name", "time"), "failure": ("message", "type"), "error": ("message", "type")}


def parsed(**hosts):
    return xml.fromstring(junit(record([host_part(*pair) for pair in hosts.items()], RUN)))  # noqa: S314 - our own


@pytest.mark.parametrize("size", [1, 100])
def test_the_counts_are_true(size):
    root = xml.fromstring(junit(fleet(size)))  # noqa: S314 - our own
    assert len(root.findall("testsuite")) == size
    for element in [root, *root.findall("testsuite")]:
        for key, tag in {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}.items():
            assert int(element.get(key)) == len(list(element.iter(tag)))
    for tag, keys in CASES.items():
        assert all(set(keys) <= set(element.attrib) for element in root.iter(tag))
    assert all(len(case) <= 1 for case in root.iter("testcase"))


def test_a_case_for_the_host_the_load_and_each_entry():
    (suite,) = parsed(web1=results(("proc_demo",)))
    cases = [(case.get("classname"), case.get("name")) for case in suite.iter("testcase")]
    assert cases == [
        ("web1", "host"),
        ("web1.proc_demo", "load"),
        *(("web1.proc_demo", one) for one in paths("proc_demo")),
    ]
    assert suite.get("hostname") == "web1"
    assert suite.get("timestamp") == "2026-11-22T10:00:00"


def test_a_failing_entry_has_its_diff():
    steps = results(("proc_demo",))
    steps["asserted"]["entries"][0] = entry("/proc/proc_demo", failure("equals", "a", "b", "-a\n+b"))
    (suite,) = parsed(web1=steps)
    (found,) = suite.iter("failure")
    assert found.get("message") == "does not hold: equals"
    assert "-a\n+b" in found.text


def test_a_host_that_did_not_pass_its_gate_has_a_failure_of_its_own():
    failed = {**host_part("web1", results()), "state": "failed", "failures": ["taint W"]}
    suite = xml.fromstring(junit(record([failed], RUN)))  # noqa: S314 - our own
    assert suite.get("failures") == "1"
    assert suite.find(".//testcase[@name='host']/failure").text == "taint W"


def test_a_failed_build_is_one_failure_and_no_load():
    steps = results(("proc_demo",))
    steps["built"] = {"failed_modules": {"proc_demo": ["a.c:1: error: no"]}, "log": "/log", "seconds": 2.0}
    steps["asserted"]["entries"] = []
    (suite,) = parsed(web1=steps)
    found = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert found == {"host": [], "build": ["failure"], "load": ["skipped"]}


def test_a_lost_host_is_an_error():
    (suite,) = parsed(web1={"seen": {"unreachable": True, "msg": "No route"}})
    (error,) = suite.iter("error")
    assert (error.get("message"), error.text) == ("unreachable", "No route")


def test_what_xml_cannot_hold_is_written_out():
    steps = results(("proc_demo",))
    steps["asserted"]["entries"][0] = entry("/proc/\x00\ufffe<&>", failure("equals", "\x1b[2J]]>", "\ud800"))
    (suite,) = parsed(**{'web"<1>': steps})
    assert suite.get("name") == 'web"<1>'
    assert "/proc/\\x00\\xfffe<&>" in [case.get("name") for case in suite.iter("testcase")]
    assert "\\x1b[2J]]>" in next(suite.iter("failure")).text
