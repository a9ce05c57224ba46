# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each contestant is called: one command for all hosts of a turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .cases import Turn
from .machines import ROOT

BIN = ROOT / ".venv/bin"
PYINFRA = ROOT / ".cache/bench/pyinfra/bin/pyinfra"


class Place(NamedTuple):
    """What a turn finds on this side.

    :param work: a folder of its own.
    :param inventory: for Ansible.
    :param ssh_config: for everyone else.
    :param modules: sources with contracts, for us.
    :param sources: the same sources without contracts, and a Kbuild that names them, for everyone else.
    :param store: our builds.
    """

    work: Path
    inventory: Path
    ssh_config: Path
    modules: Path
    sources: Path
    store: Path


Call = tuple[list[str], dict[str, str]]  # the command, and what it adds to the environment


def ours(turn: Turn, place: Place, size: int) -> Call:
    """Return deploy.yml with all modules, of which one has a parameter."""
    modules = ["proc_demo", "procDriver", {"name": "simpledriver", "parameters": {"size": size}}]
    variables = {"kmod_paths": [str(place.modules)], "kmod_store": str(place.store), "kmod_modules": modules}
    command = [
        str(BIN / "ansible-playbook"),
        "-i",
        str(place.inventory),
        str(ROOT / "deploy.yml"),
        "-e",
        json.dumps(variables),
    ]
    return command, _ansible(place, ROOT / "ansible.cfg")


def role(turn: Turn, place: Place, size: int) -> Call:
    """Return the role's playbook."""
    variables = {"procmods_sources": str(place.sources), "procmods_size": size}
    playbook = str(ROOT / "bench/role/site.yml")
    command = [str(BIN / "ansible-playbook"), "-i", str(place.inventory), playbook, "-e", json.dumps(variables)]
    return command, _ansible(place, ROOT / "bench/role/ansible.cfg")


def ping(turn: Turn, place: Place, size: int) -> Call:
    """Return the least that Ansible can do as root."""
    command = [str(BIN / "ansible"), "-i", str(place.inventory), "all", "-b", "-m", "ansible.builtin.ping"]
    return command, _ansible(place, ROOT / "ansible.cfg")


def _ansible(place: Place, config: Path) -> dict[str, str]:
    # No connection is left from the turn before.
    return {"ANSIBLE_CONFIG": str(config), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(place.work / "cp")}


def pyinfra(turn: Turn, place: Place, size: int) -> Call:
    """Return pyinfra with its own settings given as data."""
    data = {"sources": place.sources, "size": size, "ssh_config_file": place.ssh_config}
    pairs = [word for name, value in data.items() for word in ("--data", f"{name}={value}")]
    deploy = str(ROOT / "bench/pyinfra/deploy.py")
    return [str(PYINFRA), "-y", "--sudo", ",".join(f"@ssh/{name}" for name in turn.machines()), deploy, *pairs], {}


def _shell(name: str) -> Callable[[Turn, Place, int], Call]:
    def call(turn: Turn, place: Place, size: int) -> Call:
        script = str(ROOT / f"bench/{name}/run.sh")
        return ["sh", script, str(place.ssh_config), str(place.sources), str(size), *turn.machines()], {}

    return call


CALLS: dict[str, Callable[[Turn, Place, int], Call]] = {
    "ours": ours,
    "role": role,
    "pyinfra": pyinfra,
    "dkms": _shell("dkms"),
    "floor": _shell("floor"),
    "ping": ping,
}
