# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record as JUnit XML, as Jenkins, GitLab and GitHub's reporters read it: a testsuite for each host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as xml

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COUNTED = ("tests", "failures", "errors", "skipped")


def junit(record: dict[str, Any]) -> str:
    """Return the whole document; one host at a time is held as a tree."""
    totals: dict[str, float] = dict.fromkeys((*_COUNTED, "time"), 0)
    suites = []
    for host in record["hosts"]:
        suite = _suite(host, record["started"].removesuffix("Z"))
        for key in totals:
            totals[key] += float(suite.get(key, "0"))
        suites.append(xml.tostring(suite, encoding="unicode"))
    counts = " ".join(f'{key}="{totals[key]:.0f}"' for key in _COUNTED)
    head = f'<testsuites name="procfleet" {counts} time="{totals["time"]:.3f}">'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>\n"])


def _suite(host: dict[str, Any], started: str) -> xml.Element:
    kernel = host["kernel"] or {"release": "", "arch": ""}
    suite = xml.Element("testsuite", name=_text(host["name"]), hostname=_text(host["name"]), timestamp=started)
    properties = xml.SubElement(suite, "properties")
    about = {"kernel": kernel["release"], "arch": kernel["arch"], "taint": host["taint"] or ""}
    for key, value in {**about, "reboot": "; ".join(host["reboot"])}.items():
        xml.SubElement(properties, "property", name=key, value=_text(value))
    cases = [_look(host)] + [case for pair in host["modules"].items() for case in _module(host, *pair)]
    suite.extend(cases)
    found = [child.tag for case in cases for child in case]
    numbers = (len(cases), found.count("failure"), found.count("error"), found.count("skipped"))
    for key, number in zip(_COUNTED, numbers, strict=True):
        suite.set(key, str(number))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    return suite


def _look(host: dict[str, Any]) -> xml.Element:
    """Return the host's own case: it was reached, and its run came to an end."""
    case = _case(host["name"], "host", host["seconds"].get("look", 0.0))
    if host["error"]:
        _outcome(case, "error", "unreachable" if not host["reachable"] else "stopped", [host["error"]])
    elif host["state"] == "failed" and not any(one["state"] == "failed" for one in host["modules"].values()):
        _outcome(case, "failure", "did not pass", host["failures"])
    elif host["state"] == "unknown":
        _outcome(case, "skipped", "not looked at", [])
    return case


def _module(host: dict[str, Any], name: str, one: dict[str, Any]) -> Iterator[xml.Element]:
    """Yield a case for the build, for the load, and for each entry of the contract."""
    where = f"{host['name']}.{name}"
    unbuilt = one["reasons"][:1] == ["does not build"]
    if "build" in host["seconds"]:
        case = _case(where, "build", host["seconds"]["build"] / len(host["modules"]))  # one make for all
        if unbuilt:
            _outcome(case, "failure", "does not build", one["reasons"][1:])
        yield case
    case = _case(where, "load", host["seconds"].get("load", 0.0) / len(host["modules"]))
    if unbuilt or one["state"] in ("unreachable", "unknown"):
        _outcome(case, "skipped", one["state"] if not unbuilt else "not built", [])
    elif one["reasons"] or one["state"] == "absent":
        _outcome(case, "failure", one["state"], one["reasons"])
    yield case
    for entry in (one["contract"] or {"entries": []})["entries"]:
        case = _case(where, entry["path"], entry["seconds"])
        if not entry["holds"]:
            checks = ", ".join(failure["check"] for failure in entry["failures"])
            _outcome(case, "failure", f"does not hold: {checks}", [explain(one) for one in entry["failures"]])
        yield case


def explain(failure: dict[str, str]) -> str:
    """Return one failed check of an entry for people: the diff, or what was expected and found."""
    said = failure["diff"] or f"expected {failure['expected']}\nfound    {failure['found']}"
    return f"{failure['check']}:\n{said}" + (f"\n{failure['todo']}" if failure.get("todo") else "")


def _case(where: str, name: str, seconds: float) -> xml.Element:
    return xml.Element("testcase", classname=_text(where), name=_text(name), time=f"{seconds:.3f}")


def _outcome(case: xml.Element, tag: str, message: str, lines: list[str]) -> None:
    child = xml.SubElement(case, tag, message=_text(message))
    if tag != "skipped":
        child.set("type", tag)
    child.text = _text("\n".join(lines)) or None


def _text(text: str) -> str:
    """Return the text as XML can hold it: what is forbidden is written as `\\x1b`."""
    return _FORBIDDEN.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
