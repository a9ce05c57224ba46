# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether what is to be signed can be, before anything is built: each key is tried once, whoever needs it."""

from __future__ import annotations

import functools
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.plugins.plugin_utils._sign import Signing, check_pair

Hosts = dict[str, dict[str, Any]]


def unable(hosts: Hosts, store: ImageStore) -> dict[str, str]:
    """Return host -> why nothing can be signed for it; a host that needs no signature is not in it.

    A token counts wrong PINs, and locks itself after a few: it must not be asked for each host.
    :param hosts: host -> {plan, own}; `own` is its variables {sign_key, sign_cert, sign_file, …}, or empty.
    """

    @functools.cache
    def lacks(name: str, fingerprint: str) -> bool:
        return store.get(name, fingerprint) is None

    tried = functools.cache(functools.partial(_try, store))
    found = {host: _refusal(one, lacks, tried) for host, one in hosts.items()}
    return {host: why for host, why in found.items() if why}


def _refusal(host: dict[str, Any], lacks: Any, tried: Any) -> str:
    own, modules = host["own"], host["plan"].get("sign") or []
    key, certificate = own.get("sign_key") or "", own.get("sign_cert") or ""
    if not (key or certificate):
        return ""
    try:
        check_pair(key, certificate, bool(modules))
    except KmodError as error:
        return error.message
    if not any(lacks(one["name"], one["fingerprint"]) for one in modules):
        return ""
    return str(tried(Signing.of(key, certificate, own.get("sign_file") or "")))


def _try(store: ImageStore, signing: Signing) -> str:
    """Return why it cannot sign; "" where it can."""
    try:
        with store.turn():  # a token may not take two at once
            signing.check()
            signing.try_token()
    except KmodError as error:
        return error.message
    return ""
