# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An action, made as Ansible makes it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture
def action():
    def make(module, check=False, **arguments):
        task = SimpleNamespace(args=arguments, check_mode=check, async_val=0, action="x", diff=False)
        shell = SimpleNamespace(tmpdir=None)
        return module.ActionModule(task, SimpleNamespace(_shell=shell), SimpleNamespace(), None, None, None)

    return make
