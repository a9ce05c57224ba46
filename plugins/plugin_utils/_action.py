# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The common shell of our action plugins: arguments in, a result or one clear failure out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import parted

if sys.version_info < (3, 11):  # noqa: UP036 - some that Ansible itself runs on are older
    raise AnsibleError(
        f"procfleet cannot work on this controller: Ansible runs on Python {sys.version.split()[0]} "
        f"({sys.executable}), and 3.11 or newer is needed. Install ansible-core with such a one; the hosts' may stay."
    )


class ControllerAction(ActionBase):
    """An action that works on the controller alone; a subclass says what it takes and what it does."""

    _supports_check_mode = True
    _requires_connection = False
    ARGUMENTS: ClassVar[dict[str, dict[str, Any]]] = {}
    # Arguments that are results of other tasks, or the names of variables in which these were registered. By name they
    # are read as they are; templated, each would be copied for every host, and travel along with its result.
    RESULTS: ClassVar[tuple[str, ...]] = ()

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, do the work, and turn a KmodError into a failure of the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            self.begin(task_vars or {})
            _spec, arguments = self.validate_argument_spec(argument_spec=self.ARGUMENTS)
            arguments.update({name: _found(name, arguments[name], task_vars or {}) for name in self.RESULTS})
            result.update(self.work(arguments, task_vars or {}))
        except KmodError as error:
            raise AnsibleActionFail(error.message) from None
        return result

    def begin(self, task_vars: dict[str, Any]) -> None:
        """Do what comes before the arguments are checked, if anything."""

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the task returns."""
        raise NotImplementedError


def _found(argument: str, given: Any, task_vars: dict[str, Any]) -> dict[str, Any]:
    found = task_vars.get(given) if isinstance(given, str) else given
    if not isinstance(found, Mapping):
        raise KmodError(
            f"`{argument}` is {given!r}",
            "it is neither a result nor a variable with one",
            "Name one that is registered",
        )
    return dict(found)


def registered(
    hostvars: Any, hosts: Iterable[str], variables: dict[str, str | None]
) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Yield each host with what its steps returned, also when it has left the play: results stay registered.

    They are read as they are, for templating all variables of all hosts would take minutes in a large fleet.
    :param variables: step -> the variable in which it was registered.
    """
    for host in hosts:
        found = hostvars.raw_get(host)
        yield host, parted({step: dict(found.get(name or "") or {}) for step, name in variables.items()})
