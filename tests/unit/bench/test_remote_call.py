# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Python's own account of its imports, read."""

from __future__ import annotations

from ansible_collections.procfleet.procfs.bench.remote_call import imports, owner_of

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
