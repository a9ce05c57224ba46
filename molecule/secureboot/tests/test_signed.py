# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kernel that takes signed modules only: what it trusts loads, all else is refused before anything is sent."""

from __future__ import annotations

import os
import subprocess

import pytest

NAMES = ("proc_demo", "simpledriver", "procDriver")
PLATFORM = ".platform"
THEIRS = "the stranger's"


@pytest.fixture
def stranger(tmp_path):
    """A key, and a certificate of it, that no machine knows; the key has a passphrase."""
    key, certificate = tmp_path / "stranger.key", tmp_path / "stranger.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-days",
        "2",
        "-subj",
        "/CN=stranger",
        "-passout",
        "pass:sesame",
    ]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return {"kmod_sign_key": str(key), "kmod_sign_cert": str(certificate)}


@pytest.fixture(scope="module")
def lab_key(root):
    return root / ".lab/secureboot/db.key"


def test_the_machine_is_under_secure_boot(host, info):
    kernel = info()["kernel"]
    assert (kernel["secure_boot"], kernel["lockdown"], kernel["sig_enforce"]) == (True, "integrity", True)
    assert PLATFORM in kernel["keyrings"]
    assert [one["name"] for one in kernel["trusted"] if one["keyring"] == PLATFORM] == ["procfleet lab"]
    with host.sudo():
        assert "Secure boot enabled" in host.check_output("dmesg")


def test_what_is_signed_is_in_proc(host, info):
    assert host.file("/proc/myinfo").content_string.splitlines()[0] == "Hello from kernel space!"
    assert host.file("/proc/1999_proc/mydrive").content_string == "Hello\n"
    modules = info(*NAMES)["modules"]
    assert {one["state"] for one in modules.values()} == {"live"}
    assert {one["taint"] for one in modules.values()} == {"O"}  # an E would be an unsigned one
    for name in NAMES:
        said = host.check_output(f"/sbin/modinfo {name}")
        assert "signer:         procfleet lab" in said


def test_it_comes_back_after_a_reboot(host, reboot):
    reboot()
    assert host.file("/proc/myinfo").content_string.splitlines()[0] == "Hello from kernel space!"


def test_the_kernel_itself_refuses_the_unsigned_build(host):
    """What our own refusal foresees is so."""
    with host.sudo():
        path = host.check_output("ls /lib/modules/*/updates/procfleet/proc_demo.ko")
        host.check_output(f"cp {path} /tmp/unsigned.ko && strip --strip-debug /tmp/unsigned.ko")
        host.check_output("rmmod proc_demo")
        try:
            assert "Key was rejected by service" in host.run("insmod /tmp/unsigned.ko").stderr
        finally:
            host.check_output(f"insmod {path}")


def test_unsigned_is_explained_and_nothing_is_sent(play, files, info, root):
    before, modules = files(), info(*NAMES)["modules"]
    done = play("deploy.yml", kmod_sign_key="", kmod_sign_cert="")
    assert done.status != 0
    said = done.flat()
    assert "would refuse procDriver, proc_demo, simpledriver: it loads signed modules only" in said
    assert "Secure Boot is on, lockdown is integrity" in said
    assert "our build is not signed" in said
    assert ".platform has procfleet lab (" in said
    assert "docs/signing.md" in said
    assert files() == before
    assert info(*NAMES)["modules"] == modules


def test_a_signer_that_the_machine_does_not_trust_is_explained_and_nothing_is_sent(play, files, info, stranger):
    before, modules = files(), info(*NAMES)["modules"]
    done = play("deploy.yml", **stranger)
    assert done.status != 0
    said = done.flat()
    assert "signed by CN=stranger (issued by itself, serial " in said
    assert "which is not enrolled. Searched: .builtin_trusted_keys has " in said
    assert "mokutil --import" in said
    assert files() == before
    assert info(*NAMES)["modules"] == modules


@pytest.mark.parametrize(
    ("wrong", "passphrase", "said"),
    [
        ({"kmod_sign_key": THEIRS}, "sesame", "is not of the key"),
        ({"kmod_sign_key": THEIRS}, "wrong-13", "the passphrase in KBUILD_SIGN_PIN is wrong"),
        ({"kmod_sign_key": THEIRS}, "", "has a passphrase: KBUILD_SIGN_PIN is not set"),
        ({"kmod_sign_key": ""}, "", "of kmod_sign_key and kmod_sign_cert, one is empty"),
        ({"kmod_sign_key": "/no/key"}, "", "The key /no/key cannot be read: No such file or directory"),
        ({"kmod_sign_file": "/no/sign-file"}, "", "The kernel's sign-file is not on the controller"),
    ],
)
def test_what_cannot_sign_never_reaches_the_machine(play, stranger, monkeypatch, wrong, passphrase, said):
    monkeypatch.setenv("KBUILD_SIGN_PIN", passphrase)
    given = {name: stranger[name] if value == THEIRS else value for name, value in wrong.items()}
    done = play("deploy.yml", "-vvv", kmod_build_flags=["KCFLAGS=-DANOTHER"], **given)  # something is to be signed
    assert done.status != 0
    assert said in done.flat()
    assert "Build all modules" not in done.output
    assert not passphrase or passphrase not in done.output


def test_and_nothing_was_sent(files, play):
    before = files()
    done = play("deploy.yml", kmod_build_flags=["KCFLAGS=-DANOTHER"], kmod_sign_key="/no/key")
    assert done.status != 0
    assert files() == before


def test_the_key_is_nowhere_on_the_machine(host, lab_key):
    """Neither as a file, nor in the middle of one."""
    places = "/dev/shm /etc /home /lib/modules/*/updates /opt /root /run /srv /tmp /usr/local /usr/src /var"

    def found(text):
        # The brackets keep the text itself out of the log of sudo, which lies there as well.
        return host.check_output(f"find {places} -type f -exec grep -l -e '[{text[0]}]{text[1:]}' {{}} +; true")

    with host.sudo():
        assert "/updates/procfleet/proc_demo.ko" in found("Hello from kernel")
        assert found(lab_key.read_text().splitlines()[1]) == ""
    assert os.stat(lab_key).st_mode & 0o777 == 0o600


def test_a_module_that_was_signed_before_is_taken_again_without_a_build(play, info):
    before = info(*NAMES)["modules"]
    assert play("deploy.yml", kmod_state="absent").status == 0
    done = play("deploy.yml")
    assert done.status == 0, done.output
    assert "Build all modules" not in done.output
    after = info(*NAMES)["modules"]
    assert {name: one["installed"] for name, one in after.items()} == {
        name: one["installed"] for name, one in before.items()
    }


def test_a_cycle_is_signed_as_well(play):
    done = play("playbooks/cycle.yml", kmod_modules=["proc_demo"])
    assert done.status == 0, done.output
