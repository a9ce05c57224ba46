# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Python's own account of its imports, read."""

from __future__ import annotations

from ansible_collections.procfleet.procfs.bench.remote_call import MODULES, imports, owner_of
from ansible_collections.procfleet.procfs.plugins.module_utils._glance import glance
from ansible_collections.procfleet.procfs.plugins.modules import kmod_info, proc_assert
from ansible_collections.procfleet.procfs.tests.states import ABSENT

TEXT = """import time: self [us] | cumulative | imported package
import time:       113 |        113 |   _io
import time:      2000 |       2113 | ansible.module_utils.basic
something else
import time:      7000 |      70000 |     ansible_collections.procfleet.procfs.plugins.module_utils._kernel
"""


def test_imports():
    found = imports(TEXT.splitlines())
    kernel = "ansible_collections.procfleet.procfs.plugins.module_utils._kernel"
    assert found == {"_io": 0.000113, "ansible.module_utils.basic": 0.002, kernel: 0.007}
    assert [owner_of(name) for name in found] == ["Python's", "Ansible's", "ours"]


def test_the_modules_take_what_they_are_given():
    look = MODULES["procfleet.procfs.kmod_info"]
    assert set(look) <= set(kmod_info.SPEC)
    assert set(MODULES["procfleet.procfs.proc_assert"]) <= set(proc_assert.SPEC)
    kernel = {"release": "6.1", "arch": "x86_64", "compiler": {"name": "gcc 12"}}
    results = glance(look["expected"], kernel, {"proc_demo": ABSENT}, False)
    assert results and all(result["holds"] for result in results)
