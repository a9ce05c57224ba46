# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What DKMS has of ours, at a glance."""

from ansible_collections.procfleet.procfs.plugins.module_utils import _dkms_trees


def test_nothing_is_there(host):
    assert not _dkms_trees.registered("tiny")
    assert _dkms_trees.probe_host()["headers"] == []


def test_sources_alone_count(host):
    (host / "src/procfleet-tiny-1").mkdir(parents=True)
    assert _dkms_trees.registered("tiny")
    assert not _dkms_trees.registered("tin")


def test_a_version_that_dkms_knows_counts_though_its_sources_have_gone(host):
    (host / "dkms/procfleet-tiny/1").mkdir(parents=True)
    (host / "dkms/procfleet-tiny/1/source").symlink_to(host / "gone")
    assert _dkms_trees.registered("tiny")


def test_the_headers_packages(host):
    (host / "packages").mkdir()
    for name in (
        "linux-headers-cloud-amd64.list",
        "linux-headers-6.1.0-56-common.list",
        "linux-image-x.list",
        "make.list",
    ):
        (host / "packages" / name).touch()
    assert _dkms_trees.probe_host()["headers"] == ["linux-headers-6.1.0-56-common", "linux-headers-cloud-amd64"]
