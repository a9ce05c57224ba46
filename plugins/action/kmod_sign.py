# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sign builds in the store on the controller; no host takes part, and no host sees the key."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.plugins.plugin_utils._sign import Signing, check_pair

BUILD = {"name": {"type": "str", "required": True}, "build": {"type": "str"}, "fingerprint": {"type": "str"}}


class ActionModule(ControllerAction):
    """Returns {signed}: the names of what was signed now. See plugins/modules/kmod_sign.py."""

    ARGUMENTS: ClassVar = {
        "modules": {"type": "list", "elements": "dict", "required": True, "options": BUILD},
        "key": {"type": "str", "default": "", "no_log": False},  # where it lies, not what it is
        "certificate": {"type": "path", "default": ""},
        "sign_file": {"type": "path", "default": ""},
        "store": {"type": "path", "required": True},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """See that all that it takes is there, then sign what is not signed yet."""
        key, certificate = arguments["key"], arguments["certificate"]
        check_pair(key, certificate, bool(arguments["modules"]))
        signed: list[str] = []
        store = ImageStore(arguments["store"])
        if missing(arguments["modules"], store):
            signing = Signing.of(key, certificate, arguments["sign_file"])
            with store.turn():  # a token may not take two at once
                left = missing(arguments["modules"], store)  # what another host's turn has signed is there by now
                if left:
                    signing.check()
                if not self._task.check_mode:
                    signed = sign(left, signing, store)
        return {"changed": False, "signed": signed}


def missing(modules: list[dict[str, Any]], store: ImageStore) -> list[dict[str, Any]]:
    """Return the modules of which no signed image is in the store."""
    return [one for one in modules if not store.get(one["name"], one["fingerprint"])]


def sign(modules: list[dict[str, Any]], signing: Signing, store: ImageStore) -> list[str]:
    """Put a signed image into the store for each build that is there unsigned only; return the names."""
    signer = read_certificate(signing.certificate)
    done = []
    for one in modules:
        name, fingerprint = one["name"], one["fingerprint"]
        found = store.get(name, one["build"])
        if found is None:
            store.pass_failure(name, one["build"], fingerprint)
            continue
        image = signing.sign(name, found[0])
        store.put(name, fingerprint, base64.b64encode(image).decode("ascii"), sha256(image), signer)
        done.append(name)
    return done
