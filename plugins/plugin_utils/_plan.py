# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to happen on one host: a pure function of what is wanted and what was seen."""

from __future__ import annotations

from typing import Any, NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._decide import (
    WANTED,
    Decision,
    boot_files,
    decide,
    parameters_of,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._fingerprint import Identity, identities
from ansible_collections.procfleet.procfs.plugins.module_utils._modprobe import another_boot
from ansible_collections.procfleet.procfs.plugins.module_utils._names import build_dir, check_release
from ansible_collections.procfleet.procfs.plugins.module_utils._order import needed
from ansible_collections.procfleet.procfs.plugins.plugin_utils import _dkms
from ansible_collections.procfleet.procfs.plugins.plugin_utils._contract import Contract
from ansible_collections.procfleet.procfs.plugins.plugin_utils._packages import filled_in
from ansible_collections.procfleet.procfs.plugins.plugin_utils._trust import check_trust

Items = list[dict[str, Any]]
# The contract's types of parameters in the kernel's words, as modinfo has them.
_KERNEL_TYPES = {"bool": "bool", "int": "int", "uint": "uint", "octal": "ushort", "string": "charp"}


class Options(NamedTuple):
    """What the role's variables say: state, install, persist, flags for make, the family's packages, who signs.

    `dkms`: whether the sources are to be registered with it, None where that is left as it is; and its packages.
    """

    state: str
    install: bool
    persist: bool
    flags: list[str]
    packages: list[str]
    signer: dict[str, Any] | None = None
    dkms: bool | None = None
    dkms_packages: tuple[str, ...] = ()


class Module(NamedTuple):
    """One wanted module with all that follows from it on this host.

    `build` names what make makes of it; `fingerprint` what is installed: the same, or that build with a signature.
    """

    contract: Contract
    overrides: dict[str, Any]
    build: str
    fingerprint: str
    decision: Decision


def plan(chosen: list[tuple[Contract, dict[str, Any]]], seen: dict[str, Any], options: Options) -> dict[str, Any]:
    """Return {packages, flags, build, sign, modules, entries, depends, fingerprints, reasons, …} of a host.

    `reasons` are why a module is changed, `refused` why it cannot be; `prediction` is for check mode.
    :param chosen: contracts and overrides in load order, from `_select.select`.
    :param seen: the result of `kmod_info`.
    :raises KmodError: when the host cannot have what is wanted; nothing was done yet.
    """
    check_release(seen["kernel"]["release"])  # a builder installs packages that are named after it
    if options.dkms and options.state == "loaded" and chosen:
        _dkms.check(seen, list(options.dkms_packages))
    if options.dkms is False and options.state == "loaded":
        seen = _dkms.without(seen)
    modules = _modules(chosen, seen, options)
    changing = [module for module in modules if module.decision.changes]
    build = _to_build(modules, seen) if options.state in WANTED else []
    if build:
        check_host(modules, seen)  # before the first byte is sent
    # What lies there for a kernel to come is asked about again: much may have changed since.
    asked_of = {"loaded": changing, "prepared": _loadable(modules, seen)}.get(options.state)
    if asked_of:
        check_trust([module.contract.name for module in asked_of], options.signer, seen["kernel"])
    packages = filled_in(options.packages, seen) if build else []
    registered = _registered(modules, seen, options)
    asked = [_request(module, seen, options) for module in modules] if changing else []
    return {
        "packages": packages,
        "flags": options.flags,
        "build": build,
        "sign": _to_sign(modules, asked) if options.signer else [],
        "modules": asked,
        "entries": {
            module.contract.name: module.contract.expected(module.overrides, options.state in WANTED)
            for module in modules
        },
        "depends": {module.contract.name: module.contract.depends for module in modules},
        "fingerprints": {module.contract.name: module.fingerprint for module in modules},
        "reasons": _reasons(modules, registered["reasons"]),
        "dkms": registered,
        "refused": _refused(changing, seen, options),
        "prediction": _prediction(_diff(changing, options, seen), registered),
    }


def requests(chosen: list[tuple[Contract, dict[str, Any]]], seen: dict[str, Any], options: Options) -> Items:
    """Return `kmod`'s list for all modules, whether anything is to be done or not."""
    return [_request(module, seen, options) for module in _modules(chosen, seen, options)]


def _registered(modules: list[Module], seen: dict[str, Any], options: Options) -> dict[str, Any]:
    """Return what `kmod_dkms` is asked for; a registration stays where modules are only taken out of the kernel.

    Of a kernel that is only prepared DKMS is told nothing: it sees by itself that there is a build.
    """
    contracts = [module.contract for module in modules]
    if options.dkms is None or options.state == "prepared" or (options.dkms and options.state == "unloaded"):
        return _dkms.NOTHING
    if not options.dkms or options.state == "absent":
        return _dkms.withdrawals(contracts, seen)
    installing = {module.contract.name for module in modules if module.decision.install}
    return _dkms.registrations(contracts, seen, options.flags, list(options.dkms_packages), installing)


def _reasons(modules: list[Module], registered: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return why each module is not as wanted, in the kernel and on the disk, then with DKMS."""
    found = {}
    for module in modules:
        name, decision = module.contract.name, module.decision
        lines = (decision.reasons if decision.changes else []) + registered.get(name, [])
        found.update({name: lines} if lines else {})
    return found


def _refused(changing: list[Module], seen: dict[str, Any], options: Options) -> dict[str, str]:
    """Return what the host will refuse, so that check mode does not predict the contrary."""
    if not (options.install and options.persist and options.state in WANTED):
        return {}
    said = {module.contract.name: seen["modules"][module.contract.name]["modprobe"] for module in changing}
    return {name: another_boot(name, lines).message for name, lines in said.items() if lines}


def _prediction(diff: dict[str, str], registered: dict[str, Any]) -> dict[str, str]:
    """Return what would change, with what DKMS is given and what is taken from it."""
    lines = [f"package {package} installed" for package in registered["packages"]]
    for one in registered["modules"]:
        version = f"registered with DKMS, {one['note']['version']}" if one.get("note") else "taken from DKMS"
        lines.append(f"{one['name']}: {version}")
    return {"before": diff["before"], "after": diff["after"] + "".join(f"{line}\n" for line in lines)}


def plan_cycle(chosen: list[tuple[Contract, dict[str, Any]]], seen: dict[str, Any], options: Options) -> dict[str, Any]:
    """Return the plan of one whole cycle, load to gone, whatever is loaded now.

    Besides the keys of `plan`: `restore`, the items for `kmod` that bring back what was loaded.
    :raises KmodError: when a module is loaded that could not be brought back.
    """
    idle: dict[str, Any] = {"state": "absent", "holders": [], "parameters": {}, "build_id": None, "fingerprint": None}
    states = {name: one if one["state"] == "builtin" else {**one, **idle} for name, one in seen["modules"].items()}
    planned = plan(chosen, dict(seen, modules=states), options._replace(install=False, dkms=None))
    return dict(
        planned,
        restore=[
            _former(contract, seen["modules"])
            for contract, _overrides in chosen
            if seen["modules"][contract.name]["state"] == "live"
        ],
    )


def _former(contract: Contract, states: dict[str, Any]) -> dict[str, Any]:
    """Return the item for `kmod` that loads what is loaded now.

    Of what it depends on only our modules are named, for their order: what the kernel has to bring is there already.
    """
    state = states[contract.name]
    installed = state["installed"] or {}
    identity = state["manifest"].get("fingerprint") or state["fingerprint"]
    if not identity or installed.get("build_id") != state["build_id"]:
        raise KmodError(
            f"{contract.name} is loaded, but not from the build that procfleet installed",
            "a cycle unloads it and could not bring it back",
            "Unload it first, or deploy it",
        )
    return {
        "name": contract.name,
        "path": installed["path"],
        "fingerprint": identity,
        "parameters": parameters_of(state),
        "depends": [name for name in contract.depends if name in states],
    }


def _modules(chosen: list[tuple[Contract, dict[str, Any]]], seen: dict[str, Any], options: Options) -> list[Module]:
    certificate = options.signer["id"] if options.signer else ""
    known = [contract.identified() for contract, _overrides in chosen]
    named = identities(known, seen["kernel"], options.flags, certificate)
    return [
        Module(contract, overrides, *named[contract.name], _decision(contract, overrides, named, seen, options))
        for contract, overrides in chosen
    ]


def _decision(
    contract: Contract,
    overrides: dict[str, Any],
    named: dict[str, Identity],
    seen: dict[str, Any],
    options: Options,
) -> Decision:
    types = {name: _KERNEL_TYPES[one["type"]] for name, one in contract.declared.items()}
    wanted = _wanted(contract, overrides, named[contract.name].installed, seen, options)
    return decide(wanted, seen["modules"][contract.name], types)


def _wanted(
    contract: Contract, overrides: dict[str, Any], identity: str, seen: dict[str, Any], options: Options
) -> dict[str, Any]:
    """Return what `decide` compares; the image's sums are known only where this very build is installed."""
    installed = seen["modules"][contract.name]["installed"] or {}
    same = seen["modules"][contract.name]["fingerprint"] == identity
    return {
        "name": contract.name,
        "state": options.state,
        "install": options.install,
        "persist": options.persist,
        "fingerprint": identity,
        "sha256": installed.get("sha256") if same else "not built yet",
        "build_id": installed.get("build_id") if same else "not built yet",
        "parameters": contract.parameters(overrides),
        "depends": contract.depends,
    }


def check_host(modules: list[Module], seen: dict[str, Any]) -> None:
    """Refuse a host on which the modules could never be loaded, before anything is sent to it."""
    kernel = seen["kernel"]
    if not kernel["modules_supported"]:
        raise KmodError(f"Kernel {kernel['release']} has no module support (CONFIG_MODULES)", "", "Boot another kernel")
    for module in modules:
        unset = [option for option in module.contract.kconfig if seen["kconfig"].get(option, "not known") is None]
        if unset:
            raise KmodError(
                f"{module.contract.name} needs {', '.join(unset)}",
                f"kernel {kernel['release']} was built without",
                "Boot a kernel that has it",
            )


def _loadable(modules: list[Module], seen: dict[str, Any]) -> list[Module]:
    return [module for module in modules if seen["modules"][module.contract.name]["state"] != "builtin"]


def _to_build(modules: list[Module], seen: dict[str, Any]) -> Items:
    """Return what `kmod_build` is asked for: builds that are neither installed nor kept here, with what they need."""
    missing = set()
    for module in _loadable(modules, seen):
        state = seen["modules"][module.contract.name]
        kept = module.fingerprint in (*state["builds"], state["fingerprint"])
        if module.decision.changes and not kept:
            missing.add(module.contract.name)
    closure = needed(missing, {module.contract.name: module.contract.depends for module in modules})
    return [
        {
            "name": module.contract.name,
            "folder": str(module.contract.folder),
            "fingerprint": module.build,  # a builder makes it unsigned, and never sees the key
            "depends": module.contract.depends,
        }
        for module in modules
        if module.contract.name in closure
    ]


def _to_sign(modules: list[Module], asked: Items) -> Items:
    """Return what is signed on the controller for the host: {name, build, fingerprint} of all that is sent to it."""
    builds = {module.contract.name: module.build for module in modules}
    return [
        {"name": one["name"], "build": builds[one["name"]], "fingerprint": one["fingerprint"]}
        for one in asked
        if one.get("ship")
    ]


def _request(module: Module, seen: dict[str, Any], options: Options) -> dict[str, Any]:
    """Return one item of `kmod`'s list."""
    name, state = module.contract.name, seen["modules"][module.contract.name]
    request: dict[str, Any] = {"name": name, "depends": module.contract.depends, "log": module.contract.log}
    request["gone"] = module.contract.gone(module.overrides) if state["state"] != "builtin" else []
    if options.state in WANTED:
        folder = build_dir(seen["kernel"]["release"], name, module.fingerprint)
        request.update(
            entries=module.contract.entries(module.overrides),
            ship=state["state"] != "builtin" and module.fingerprint not in (*state["builds"], state["fingerprint"]),
            path=state["installed"]["path"] if state["fingerprint"] == module.fingerprint else f"{folder}/{name}.ko",
            fingerprint=module.fingerprint,
            parameters=module.contract.parameters(module.overrides),
        )
    return request


def _diff(changing: list[Module], options: Options, seen: dict[str, Any]) -> dict[str, str]:
    """Return all that would change in the modules, as text before and after."""
    before: list[str] = []
    after: list[str] = []
    for module in changing:
        name, state = module.contract.name, seen["modules"][module.contract.name]
        before.append(f"{name}: {state['state']}, build {(state['fingerprint'] or 'none')[:12]}")
        before += [f"{name}: parameter {key}={value}" for key, value in state["parameters"].items()]
        if options.state not in WANTED:
            after.append(f"{name}: {options.state}")
            continue
        values = module.contract.parameters(module.overrides)
        state = "live" if options.state == "loaded" else f"prepared for {seen['kernel']['release']}"
        after.append(f"{name}: {state}, build {module.fingerprint[:12]} ({'; '.join(module.decision.reasons)})")
        after += [f"{name}: parameter {key}={value}" for key, value in sorted(values.items())]
        if module.decision.boot:
            wanted = _wanted(module.contract, module.overrides, module.fingerprint, seen, options)
            after += [path for path, text in boot_files(wanted, seen["modules"][name]).items() if text]
    return {"before": "".join(f"{line}\n" for line in before), "after": "".join(f"{line}\n" for line in after)}
