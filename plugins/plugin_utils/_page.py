# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record as one HTML file that needs nothing else: no network, no library."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import STATES

FOLDER = Path(__file__).parent / "page"
SCRIPTS = ("model.js", "dom.js", "overview.js", "matrix.js", "detail.js", "main.js")
# In a script element only these could end it or open a comment; JSON has another way to write each.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_SLOT = re.compile(r"@(\w+)@")


def page(record: dict[str, Any]) -> str:
    """Return the page. What hosts said is in it as JSON alone, and shown as text alone.

    The policy in its head lets the browser run this one script, by its hash, and load nothing at all.
    """
    script = "".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    parts = {
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src '{_hash(script)}'",
        "style": (FOLDER / "style.css").read_text(encoding="utf-8"),
        "data": embedded({**record, "hosts": [_host(host) for host in record["hosts"]], "states": STATES}),
        "script": script,
    }
    template = (FOLDER / "page.html").read_text(encoding="utf-8")
    return _SLOT.sub(lambda slot: parts[slot.group(1)], template)


def embedded(value: Any) -> str:
    """Return JSON that can stand in a script element, whatever texts are in it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPES)


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _host(host: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of a host: entries that hold are only counted."""
    return {**host, "modules": {name: _module(one) for name, one in host["modules"].items()}}


def _module(one: dict[str, Any]) -> dict[str, Any]:
    contract = one["contract"]
    if not contract:
        return one
    return {**one, "contract": {**contract, "entries": [entry for entry in contract["entries"] if not entry["holds"]]}}
