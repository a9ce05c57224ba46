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
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import STEPS, host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import Run, record, utc_now
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import lost
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
        parts = (host_part(host, steps, rollout) for host, steps in results.items())
        whole = record(parts, self._run(results, rollout))
        files = [] if self._task.check_mode or not arguments["dir"] else write(whole, Path(arguments["dir"]))
        return {"changed": False, "msg": table(whole), "files": files, "_ansible_verbose_always": True}  # as debug does

    def _run(self, results: dict[str, dict[str, Any]], rollout: dict[str, Any]) -> Run:
        now = utc_now()
        begun = [result["contract"].get("started", now) for result in results.values()]
        playbook = " ".join(context.CLIARGS.get("args") or [])
        waves = tuple(closed_waves(rollout, results))
        stopped = rollout.get("stopped") or "".join(lost(rollout))
        return Run(playbook, min(begun, default=now), now, bool(self._task.check_mode), waves, stopped)


def write(whole: dict[str, Any], folder: Path) -> list[str]:
    """Write the three files, each whole or not at all; return their paths."""
    texts = {RECORD: json.dumps(whole, ensure_ascii=False) + "\n", JUNIT: junit(whole), PAGE: page(whole)}
    folder = folder.expanduser().absolute()
    for name, text in texts.items():
        write_atomic(str(folder / name), text.encode("utf-8", "backslashreplace"))
    return [str(folder / name) for name in texts]
