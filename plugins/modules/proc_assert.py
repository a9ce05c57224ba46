#!/usr/bin/python
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proc_assert
short_description: Assert what entries under /proc and /sys are and say
version_added: 0.1.0
author:
  - procfleet contributors (@procfleet)
description:
  - Checks every entry of a list in one call, and reports each one that does not hold, not only the first.
  - An entry can be asked for its type, mode, owner and content, for what comes back after a write, or to be gone.
  - Reads and writes are bounded in seconds and bytes. An entry that blocks for ever, even where no signal reaches the
    reader, fails after its O(entries[].timeout); the play goes on.
  - Symbolic links that lead out of C(/proc) and C(/sys) are never followed.
options:
  entries:
    description:
      - The entries, checked in this order. All are validated before the first is touched.
      - An entry is read only when one of its options asks for its content.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path under C(/proc) or C(/sys), without C(..).
        type: str
        required: true
      state:
        description: Whether the path exists. V(gone) takes no other option.
        type: str
        choices: [present, gone]
        default: present
      type:
        description: What it is. Only with V(link) the path itself may be a link; otherwise links are followed.
        type: str
        choices: [file, directory, link]
      mode:
        description: The exact permission bits as a quoted octal string, such as V("0444").
        type: raw
      owner:
        description: The owner's name, or number as a string.
        type: str
      group:
        description: The group's name, or number as a string.
        type: str
      target:
        description: What a link points at, exactly as stored. Needs O(entries[].type=link).
        type: str
      write:
        description:
          - A text written in one C(write(2)) before the entry is read, the way the shell's C(>) does, except that
            nothing is ever created.
          - It is not written when the type, mode or owner is not as asked, nor in check mode. Retries do not write
            again what was taken whole.
        type: raw
      equals:
        description: The whole content, exactly; a string.
        type: raw
      not_equals:
        description: What the whole content must not be; a string.
        type: raw
      contains:
        description: A string, or a list of strings, each of which is in the content.
        type: raw
      not_contains:
        description: A string, or a list of strings, none of which is in the content.
        type: raw
      matches:
        description:
          - A regular expression, or a list of them, each found in the content. C(^) and C($) match at each line.
        type: raw
      not_matches:
        description: A regular expression, or a list of them, none of which is found in the content.
        type: raw
      lines:
        description: How many lines the content has; a number, or a dictionary of C(min), C(max) or both.
        type: raw
      numbers:
        description: Numbers in the content, and their bounds.
        type: list
        elements: dict
        suboptions:
          pattern:
            description: A regular expression whose first group is the number. Without it, the first number counts.
            type: str
          min:
            description: The least allowed number.
            type: raw
          max:
            description: The greatest allowed number.
            type: raw
          equals:
            description: The number itself.
            type: raw
      max_bytes:
        description: More content than this is a failure. Default is the module's O(max_bytes).
        type: int
      timeout:
        description: Seconds after which a read or a write is a failure. Default is the module's O(timeout).
        type: float
      retries:
        description: How often to try again until the entry holds. Default is the module's O(retries).
        type: int
      delay:
        description: Seconds between two attempts. Default is the module's O(delay).
        type: float
  retries:
    description:
      - How often to try again an entry that does not hold.
      - After 900 seconds in one call no retry is begun any more.
    type: int
    default: 0
  delay:
    description: Seconds between two attempts, up to 60.
    type: float
    default: 1.0
  timeout:
    description: Seconds after which one read or write is a failure, up to 600.
    type: float
    default: 5.0
  max_bytes:
    description: Content of more bytes than this is a failure; up to 16 MiB.
    type: int
    default: 65536
  partial:
    description:
      - Succeed when some entries do not hold, and leave it to the caller to look at RV(failed_entries).
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and predict changes without making them.
    support: full
    details:
      - Nothing is written. Entries with O(entries[].write) have only their existence, type, mode and owner checked,
        and are marked with RV(entries[].write_skipped).
  diff_mode:
    description: Returns what would change, or has changed, in diff mode.
    support: none
    details:
      - Nothing is changed. RV(entries[].failures[].diff) compares the expected content with the one found.
notes:
  - RV(changed) is always false. What O(entries[].write) writes is the test's own input, no wanted state; if it counted,
    each run would report a change and no host would ever be seen to have converged.
  - The expected content of files with mode C(0600), and each write to C(/sys), usually needs C(become=true).
seealso:
  - module: ansible.builtin.assert
  - module: ansible.builtin.slurp
"""

EXAMPLES = r"""
- name: The module shows its three lines to everybody
  procfleet.procfs.proc_assert:
    entries:
      - path: /proc/myinfo
        type: file
        mode: "0444"
        lines: 3
        contains: "Status: Running and happy"

- name: What is written comes back, and the counter is in its range
  procfleet.procfs.proc_assert:
    retries: 3
    entries:
      - path: /proc/simpledriver_dir/simpledriver_file
        write: "hi\n"
        equals: "hi\n"
      - path: /proc/meminfo
        numbers:
          - pattern: '^MemAvailable:\s+(\d+) kB'
            min: 65536
  become: true

- name: Nothing is left behind after unloading
  procfleet.procfs.proc_assert:
    entries:
      - path: /proc/simpledriver_dir
        state: gone
"""

RETURN = r"""
entries:
  description:
    - One result for each entry, in the order given. The same keys are there whether or not the entry holds.
    - Empty when an entry is not valid, as nothing was checked then.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The path, without doubled slashes.
      type: str
    holds:
      description: Whether all that was asked of the entry is so.
      type: bool
    state:
      description: V(present), V(gone), or V(unknown) when the path could not be looked at.
      type: str
    type:
      description: V(file), V(directory), V(link) or V(special file); empty unless present.
      type: str
    mode:
      description: Permission bits, four octal digits; empty unless present.
      type: str
    owner:
      description: The owner's name, or number where it has none; empty unless present.
      type: str
    group:
      description: The group's name, or number where it has none; empty unless present.
      type: str
    target:
      description: What a link points at; empty for everything else.
      type: str
    failures:
      description: What does not hold.
      type: list
      elements: dict
      contains:
        check:
          description:
            - The option that does not hold, or V(read), V(write), V(timeout) and V(max_bytes) for a call that failed or
              hit its limit, V(stuck) for a reader that could not be ended, V(retries) for the total time.
          type: str
        expected:
          description: What was asked for, abbreviated after 2000 characters.
          type: str
        found:
          description: What was there instead, abbreviated after 2000 characters.
          type: str
        diff:
          description: For C(equals), a unified diff from the first difference on; else empty.
          type: str
        todo:
          description: What to do next, where that is known; else empty.
          type: str
    content:
      description:
        - What was read, up to 16384 characters; null if the entry was not read. Bytes that are not UTF-8 are written
          as C(\xff).
      type: str
    content_cut:
      description: Whether RV(entries[].content) is not all that was read.
      type: bool
    write_skipped:
      description: Whether a write was asked for and not tried, in check mode or because of an earlier failure.
      type: bool
    attempts:
      description: How many attempts were made, one at least.
      type: int
    seconds:
      description: How many seconds the entry took, with all its attempts.
      type: float
failed_entries:
  description: The paths of the entries that do not hold.
  returned: always
  type: list
  elements: str
explanation:
  description: The failing entries for people, each with what was expected and found; empty when all hold.
  returned: always
  type: str
shown:
  description: Lines for people; the path of each entry that was read, and its content below it, indented.
  returned: always
  type: list
  elements: str
  sample: ["/proc/1999_proc/mydrive", "    Hello"]
key:
  description: The key of an entry that is not valid.
  returned: when an entry is not valid
  type: str
entry:
  description: The path of the entry that is not valid, if it has one.
  returned: when an entry is not valid
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.procfleet.procfs.plugins.module_utils._assert import check_entries
from ansible_collections.procfleet.procfs.plugins.module_utils._entry import DEFAULT_KEYS, argument_spec, from_arguments
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._show import report

SPEC = {**argument_spec(), "partial": {"type": "bool", "default": False}}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        entries = from_arguments(module.params["entries"])
        defaults = {key: module.params[key] for key in DEFAULT_KEYS}
        results = check_entries(entries, defaults, check_mode=module.check_mode)
    except KmodError as error:
        module.fail_json(msg=error.message, **report([]), **error.details)
    result = report(results)
    if result["failed_entries"] and not module.params["partial"]:
        module.fail_json(msg=result["explanation"], **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
