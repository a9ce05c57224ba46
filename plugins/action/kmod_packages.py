# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install packages; a failure says what there is."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import headers_package

# These offer no older kernel's headers.
_NEWEST_ONLY = ("pacman", "apk")


class ActionModule(ActionBase):
    """See plugins/modules/kmod_packages.py."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Let the manager do it; when it fails, ask what the package source offers."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        variables = task_vars or {}
        result = self._execute("procfleet.procfs.kmod_packages", arguments, variables)
        if result.get("failed") and arguments.get("release"):
            package = headers_package(arguments["names"])
            asked = self._execute("procfleet.procfs.kmod_info", {"offers": package}, variables)
            host = str(variables.get("inventory_hostname", "the host"))
            result.pop("exception", None)  # else it is shown first, and says less
            result["msg"] = explain(host, arguments, str(result.get("msg", "no message")), asked.get("offers") or [])
        return result

    def _execute(self, name: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(module_name=name, module_args=arguments, task_vars=task_vars)
        return result


def explain(host: str, arguments: dict[str, Any], why: str, offered: list[str]) -> str:
    """Return what failed, why, what there is instead, and what to do next."""
    if arguments["manager"] in _NEWEST_ONLY:
        todo = "It has the newest kernel's headers alone: upgrade, and reboot into the installed kernel."
    else:
        todo = "Boot a kernel whose headers are offered, or add the source that still has them."
    return (
        f"The packages {', '.join(arguments['names'])} for kernel {arguments['release']} could not be installed on "
        f"{host}: {why.rstrip('.')}. The host's package source offers: {', '.join(offered) or 'none'}. {todo} "
        "Nothing was built or loaded."
    )
