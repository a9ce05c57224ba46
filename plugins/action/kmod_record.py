# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Close a run once for all its hosts: gather the record, write it, and show it as a table."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any, ClassVar

from ansible import context
from ansible_collections.procfleet.procfs.plugins.module_utils._files import write_atomic
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction, registered
from ansible_collections.procfleet.procfs.plugins.plugin_utils._gate import closed_waves
from ansible_collections.procfleet.procfs.plugins.plugin_utils._junit import junit
from ansible_collections.procfleet.procfs.plugins.plugin_utils._page import page
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import STEPS, host_part, unreadable
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import Run, record, utc_now
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import NONSENSE, lost
from ansible_collections.procfleet.procfs.plugins.plugin_utils._table import table

JUNIT, PAGE, RECORD = "junit.xml", "index.html", "record.json"


class ActionModule(ControllerAction):
    """Returns {msg, files}: the table, and what was written. See plugins/modules/kmod_record.py."""

    ARGUMENTS: ClassVar = {
        "hosts": {"type": "list", "elements": "str", "required": True},
        "registered": {"type": "dict", "required": True, "options": {step: {"type": "str"} for step in STEPS}},
        "dir": {"type": "str", "default": ""},
        "rollout": {"type": "dict", "default": {}},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Make the record from what every host's tasks registered; in check mode nothing is written."""
        gc.freeze()  # what this worker shares with its parent, all variables of all hosts, is not searched for garbage
        rollout = arguments["rollout"]
        variables = {step: arguments["registered"].get(step) for step in STEPS}
        results = dict(registered(task_vars["hostvars"], arguments["hosts"], variables))
        parts = [host_part(host, steps, rollout) for host, steps in results.items()]
        kept = bool(arguments["dir"]) and not self._task.check_mode
        shown, texts = told(parts, self._run(results, rollout), kept)
        files = write(texts, Path(arguments["dir"])) if kept else []
        return {"changed": False, "msg": shown, "files": files, "_ansible_verbose_always": True}  # as debug does

    def _run(self, results: dict[str, dict[str, Any]], rollout: dict[str, Any]) -> Run:
        now = utc_now()
        begun = [result["contract"].get("started", now) for result in results.values()]
        playbook = " ".join(context.CLIARGS.get("args") or [])
        waves = tuple(closed_waves(rollout, results))
        stopped = rollout.get("stopped") or "".join(lost(rollout))
        return Run(playbook, min(begun, default=now), now, bool(self._task.check_mode), waves, stopped)


def told(parts: list[dict[str, Any]], run: Run, kept: bool = True) -> tuple[str, dict[str, str]]:
    """Return the record as a table, and if it is kept, its files' texts by name.

    A host of which something cannot be rendered must not cost the others their record; the rare case pays for that.
    """
    try:
        return rendered(parts, run, kept)
    except NONSENSE:
        return rendered([_legible(part, run) for part in parts], run, kept)


def _legible(part: dict[str, Any], run: Run) -> dict[str, Any]:
    try:
        rendered([part], run._replace(waves=()), kept=True)
    except NONSENSE as error:
        return unreadable(part["name"], error)
    return part


def rendered(parts: list[dict[str, Any]], run: Run, kept: bool) -> tuple[str, dict[str, str]]:
    """Return the table, and the files' texts by name."""
    whole = record(parts, run)
    if not kept:
        return table(whole), {}
    text = json.dumps(whole, ensure_ascii=False) + "\n"
    return table(whole), {RECORD: text, JUNIT: junit(whole), PAGE: page(whole)}


def write(texts: dict[str, str], folder: Path) -> list[str]:
    """Write the files, each whole or not at all; return their paths."""
    folder = folder.expanduser().absolute()
    for name, text in texts.items():
        write_atomic(str(folder / name), text.encode("utf-8", "backslashreplace"))
    return [str(folder / name) for name in texts]
