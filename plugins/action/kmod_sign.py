# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sign builds in the store on the controller; no host takes part, and no host sees the key."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.plugin_utils._action import ControllerAction
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore
from ansible_collections.procfleet.procfs.plugins.plugin_utils._sign import Signing

BUILD = {"name": {"type": "str", "required": True}, "build": {"type": "str"}, "fingerprint": {"type": "str"}}


class ActionModule(ControllerAction):
    """Returns {signed}: the names of what was signed now. See plugins/modules/kmod_sign.py."""

    ARGUMENTS: ClassVar = {
        "modules": {"type": "list", "elements": "dict", "required": True, "options": BUILD},
        "key": {"type": "str", "default": "", "no_log": False},  # where it lies, not what it is
        "certificate": {"type": "path", "default": ""},
        "sign_file": {"type": "path", "default": ""},
        "store": {"type": "path", "required": True},
        "trial": {"type": "bool", "default": False},
    }

    def work(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """See that all that it takes is there, then sign what is not signed yet."""
        key, certificate = arguments["key"], arguments["certificate"]
        if not certificate or (arguments["modules"] and not key):  # a key alone would leave all unsigned, unnoticed
            raise KmodError(
                "Nothing can be signed",
                "of kmod_sign_key and kmod_sign_cert, one is empty",
                "Set both, or none to leave the modules unsigned",
            )
        signed: list[str] = []
        store = ImageStore(arguments["store"])
        missing = [one for one in arguments["modules"] if not store.get(one["name"], one["fingerprint"])]
        if missing:
            signing = Signing.of(key, certificate, arguments["sign_file"])
            with store.turn():  # a token may not take two at once, and once is enough
                signing.check()
                if not (arguments["trial"] or self._task.check_mode):
                    signed = sign(missing, signing, store)
        return {"changed": False, "signed": signed}


def sign(modules: list[dict[str, Any]], signing: Signing, store: ImageStore) -> list[str]:
    """Put a signed image into the store for each build that is there unsigned only; return the names."""
    signer = read_certificate(signing.certificate)
    done = []
    for one in modules:
        name, fingerprint = one["name"], one["fingerprint"]
        if store.get(name, fingerprint):
            continue
        found = store.get(name, one["build"])
        if found is None:
            store.pass_failure(name, one["build"], fingerprint)
            continue
        image = signing.sign(name, found[0])
        store.put(name, fingerprint, base64.b64encode(image).decode("ascii"), sha256(image), signer)
        done.append(name)
    return done
