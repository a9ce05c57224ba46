# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module names and the paths that they become: nothing leaves its folder."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _names
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError


@pytest.mark.parametrize(
    ("name", "kernels"),
    [("snd-hda-intel", "snd_hda_intel"), ("a_b", "a_b"), ("procDriver", "procDriver"), (1999, "1999")],
)
def test_the_kernels_spelling(name, kernels):
    assert _names.normalise(name) == kernels


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "a b", "a.ko", "x\n", "a" * 56, "é", "a;b"])
def test_no_module_has_that_name(name):
    with pytest.raises(KmodError, match="is not a module name"):
        _names.normalise(name)


@pytest.mark.parametrize(
    "release", ["6.1.0-56-cloud-amd64", "6.12.117+deb12-amd64", "5.14.0-503.el9_5.x86_64", "7.0~rc1"]
)
def test_releases(release):
    assert _names.check_release(release) == release


@pytest.mark.parametrize("release", ["", "..", "../6.1", "6.1/x", "6.1 x", "-r", ".6", "6.1\n"])
def test_what_is_no_release(release):
    with pytest.raises(KmodError, match="is not a kernel release"):
        _names.check_release(release)


def test_places():
    assert _names.installed_path("6.1", "m") == "/lib/modules/6.1/updates/procfleet/m.ko"
    assert _names.build_dir("6.1", "m", "f" * 64) == "/var/lib/procfleet/builds/6.1/m-" + "f" * 32
    assert _names.manifest_path("6.1", "m") == "/var/lib/procfleet/installed/6.1/m.json"
    assert _names.build_log("6.1") == "/var/lib/procfleet/log/build-6.1.log"
    assert _names.load_conf("m") == "/etc/modules-load.d/procfleet-m.conf"
    assert _names.options_conf("m") == "/etc/modprobe.d/procfleet-m.conf"


@pytest.mark.parametrize(
    ("path", "name"),
    [("kernel/sound/snd-pcm.ko.xz", "snd_pcm"), ("/lib/modules/6.1/extra/a_b.ko", "a_b"), ("plain.ko.zst", "plain")],
)
def test_the_module_in_a_file(path, name):
    assert _names.module_of(path) == name
