# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What each family's packages are called, from what distributions and kernels say of themselves."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import parse_compiler, parse_os_release
from ansible_collections.procfleet.procfs.plugins.module_utils._packages import MANAGERS
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import FAMILIES, family, filled_in


def seen(release, family, command="gcc", arch="x86_64"):
    kernel = {"release": release, "arch": arch, "compiler": {"command": command}}
    return {"kernel": kernel, "os": {"family": family}}


@pytest.mark.parametrize(
    ("os_file", "version_file", "packages"),
    [
        ("debian_bullseye", "bullseye", ["linux-headers-{}", "gcc-10", "make"]),
        ("debian_12", "bookworm", ["linux-headers-{}", "gcc-12", "make"]),
        ("debian_trixie", "trixie", ["linux-headers-{}", "gcc-14", "make"]),
        ("debian_forky", "forky", ["linux-headers-{}", "gcc-16", "make"]),
        ("ubuntu_22", "ubuntu_22", ["linux-headers-6.8.0-57-generic", "gcc-12", "make"]),
        ("ubuntu_22", "ubuntu_aws", ["linux-headers-5.15.0-1063-aws", "gcc", "make"]),
        ("rhel_8", "rocky_8", ["kernel-devel-uname-r = 4.18.0-477.10.1.el8_8.x86_64"]),
        ("rocky_9", "rocky_9", ["kernel-devel-uname-r = 5.14.0-503.35.1.el9_5.x86_64"]),
        ("fedora_37", "fedora_40", ["kernel-devel-uname-r = 6.9.7-200.fc40.x86_64"]),
        ("sles_15", "sles_15", ["kernel-default-devel=5.14.21-150400.24.103"]),
        ("opensuse_tumbleweed", "tumbleweed", ["kernel-default-devel=5.14.11-0.g6451538"]),
        ("arch", "arch", ["linux-headers"]),
        ("arch", "arch_lts", ["linux-lts-headers"]),
        ("alpine_3.20", "alpine_virt", ["linux-virt-dev=5.10.180-r0"]),
    ],
)
def test_packages_of_recorded_hosts(data, os_file, version_file, packages):
    said = (data / "kernel" / f"version-{version_file}").read_text()
    host = {"os": parse_os_release((data / "os-release" / os_file).read_text())}
    host["kernel"] = {"release": said.split()[2], "arch": "x86_64", "compiler": parse_compiler(said)}
    names = filled_in(list(family(host).packages), host)
    assert names[: len(packages)] == [name.format(said.split()[2]) for name in packages]
    assert "make" in names
    assert any(name.startswith("gcc") for name in names)


@pytest.mark.parametrize(
    ("name", "release", "first"),
    [
        ("redhat", "5.14.0-503.35.1.el9_5.x86_64+rt", "kernel-devel-uname-r = 5.14.0-503.35.1.el9_5.x86_64+rt"),
        ("redhat", "5.15.0-200.131.27.el9uek.x86_64", "kernel-uek-devel-uname-r = 5.15.0-200.131.27.el9uek.x86_64"),
        ("suse", "6.4.0-150600.8.5-azure", "kernel-azure-devel=6.4.0-150600.8.5"),
        ("suse", "5.14.21-150400.24.103-64kb", "kernel-64kb-devel=5.14.21-150400.24.103"),
        ("arch", "6.8.9-zen1-1-zen", "linux-zen-headers"),
        ("arch", "6.11.4-hardened1-1-hardened", "linux-hardened-headers"),
        ("arch", "5.10.16-arch1-1", "linux-headers"),
        ("arch", "6.6.48.40.realtime1-1-rt-lts", "linux-rt-lts-headers"),
        ("alpine", "6.6.134-0-lts", "linux-lts-dev=6.6.134-r0"),
        ("alpine", "6.12.1-3-rpi", "linux-rpi-dev=6.12.1-r3"),
        ("debian", "6.1.0-56-rt-amd64", "linux-headers-6.1.0-56-rt-amd64"),
    ],
)
def test_flavours(name, release, first):
    assert filled_in(list(FAMILIES[name].packages), seen(release, name))[0] == first


@pytest.mark.parametrize("name", FAMILIES)
def test_a_kernel_of_ones_own_has_no_flavour(name):
    names = filled_in(["{release}|{version}|{flavour}"], seen("6.1.0", name))
    assert names == ["6.1.0|6.1.0|"]


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("gcc-12", "gcc-12"),
        ("x86_64-linux-gnu-gcc-14", "gcc-14"),
        ("arm-linux-gnueabihf-gcc-14", "gcc-14"),
        ("gcc", "gcc"),
        ("aarch64-none-linux-gnu-gcc", "aarch64-none-linux-gnu-gcc"),
        ("clang", "clang"),
        ("clang-18", "clang-18"),
        ("", "gcc"),
    ],
)
def test_the_package_of_a_compiler(command, package):
    assert filled_in(["{compiler}"], seen("6.1", "debian", command)) == [package]


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (seen("6.1", "debian", "openssh-server-"), "'openssh-server-' is no compiler"),
        (seen("6.1", "debian", "gcc-"), "'gcc-' is no compiler"),
        (seen("6.1", "debian", "gcc\n"), "is no compiler"),
        (seen("6.1", "debian", "--purge"), "'--purge' is no compiler"),
        (seen("6.1", "debian", arch="sudo-"), "'sudo-' is no arch"),
        (seen("6.1-", "debian"), "'6.1-' is no release"),
        (seen("6.1-amd64-", "debian"), "'-amd64-' is no flavour"),
    ],
)
def test_a_host_does_not_say_what_a_builder_removes(host, said):
    (word,) = [word for word in ("compiler", "arch", "release", "flavour") if said.endswith(word)]
    with pytest.raises(KmodError, match=f"{said} that a package is named after: the host says so .* Look at what runs"):
        filled_in([f"x{{{word}}}"], host)
    assert filled_in(["make"], host) == ["make"]  # what is not asked for names no package


@pytest.mark.parametrize("name", ["linux-{releases}", "{0}", "{", "{release"])
def test_a_name_that_asks_for_something_else(name):
    with pytest.raises(KmodError, match=r"known are \{release\}, \{arch\}, .*Correct kmod_headers_packages"):
        filled_in([name], seen("6.1", "debian"))


def test_every_family_has_names_and_a_manager_that_is_known():
    assert set(FAMILIES) == {"alpine", "arch", "debian", "redhat", "suse"}
    for known in FAMILIES.values():
        assert known.manager in MANAGERS
        assert len(known.packages) >= 3


@pytest.mark.parametrize("name", ["unknown", ""])
def test_of_a_family_that_is_not_known_nothing_is_installed(name):
    assert family({"os": {"family": name}}) == family({"os": {}}) == ("", (), (), "")


@pytest.mark.parametrize(
    ("release", "headers"),
    [
        ("6.1.0-56-cloud-amd64", "linux-headers-cloud-amd64"),
        ("6.12.118+deb13-rt-amd64", "linux-headers-rt-amd64"),
        ("6.12.74+deb13+1-amd64", "linux-headers-amd64"),
        ("5.10.0-32-arm64", "linux-headers-arm64"),
        ("6.8.0-57-generic", "linux-headers-generic"),
    ],
)
def test_the_metapackage_of_headers_is_of_the_hosts_flavour(release, headers):
    assert filled_in(list(FAMILIES["debian"].dkms), seen(release, "debian")) == ["dkms", headers]
