# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An action, made as Ansible makes it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.parsing.dataloader import DataLoader


@pytest.fixture
def action():
    def make(module, check=False, strategy="linear", serial=(), **arguments):
        task = SimpleNamespace(args=arguments, check_mode=check, async_val=0, action="x", diff=False)
        task.get_play = lambda: SimpleNamespace(strategy=strategy, serial=serial)
        shell = SimpleNamespace(tmpdir=None)
        templar = SimpleNamespace(template=lambda value: value)
        return module.ActionModule(task, SimpleNamespace(_shell=shell), SimpleNamespace(), DataLoader(), templar, None)

    return make


class HostVars(dict):
    """Variables as Ansible hands them out; a look at one by its key would template it."""

    def raw_get(self, host):
        return dict.__getitem__(self, host)

    def __getitem__(self, host):
        raise AssertionError("templates every variable of every host")


@pytest.fixture
def hostvars():
    return HostVars
