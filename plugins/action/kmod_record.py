# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Close a run once for all its hosts: gather the record, write it, and show it as a table."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from ansible import context
from ansible_collections.procfleet.procfs.plugins.module_utils._files import write_atomic
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._junit import junit
from ansible_collections.procfleet.procfs.plugins.plugin_utils._page import page
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import STEPS, host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import Run, record, utc_now
from ansible_collections.procfleet.procfs.plugins.plugin_utils._table import table

JUNIT, PAGE, RECORD = "junit.xml", "index.html", "record.json"


class ActionModule(ControllerAction):
    """Returns {msg, files}: the table, and what was written. See plugins/modules/kmod_record.py."""

    ARGUMENTS: ClassVar = {
        "hosts": {"type": "list", "elements": "str", "required": True},
        "registered": {"type": "dict", "required": True, "options": {step: {"type": "str"} for step in STEPS}},
        "dir": {"type": "str", "default": ""},
        "waves": {"type": "list", "elements": "dict", "default": []},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Make the record from what every host's tasks registered; in check mode nothing is written."""
        gc.freeze()  # what this worker shares with its parent, all variables of all hosts, is not searched for garbage
        results = dict(_results(arguments, task_vars["hostvars"]))
        whole = record((host_part(*pair) for pair in results.items()), self._run(results, arguments["waves"]))
        files = [] if self._task.check_mode or not arguments["dir"] else write(whole, Path(arguments["dir"]))
        return {"changed": False, "msg": table(whole), "files": files, "_ansible_verbose_always": True}  # as debug does

    def _run(self, results: dict[str, dict[str, Any]], waves: list[dict[str, Any]]) -> Run:
        now = utc_now()
        begun = [result["contract"].get("started", now) for result in results.values()]
        playbook = " ".join(context.CLIARGS.get("args") or [])
        return Run(playbook, min(begun, default=now), now, bool(self._task.check_mode), tuple(waves))


def _results(arguments: dict[str, Any], hostvars: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each host with what its steps returned, also when it has left the play: results stay registered.

    They are read as they are, for templating all variables of all hosts would take minutes in a large fleet.
    """
    names = {step: variable for step, variable in arguments["registered"].items() if variable}
    for host in arguments["hosts"]:
        variables = hostvars.raw_get(host)
        yield host, {step: dict(variables.get(names.get(step)) or {}) for step in STEPS}


def write(whole: dict[str, Any], folder: Path) -> list[str]:
    """Write the three files, each whole or not at all; return their paths."""
    texts = {RECORD: json.dumps(whole, ensure_ascii=False) + "\n", JUNIT: junit(whole), PAGE: page(whole)}
    folder = folder.expanduser().absolute()
    for name, text in texts.items():
        write_atomic(str(folder / name), text.encode("utf-8", "backslashreplace"))
    return [str(folder / name) for name in texts]
