#!/bin/bash
# Build every module that is ours with W=1 and sparse, against each kernel whose headers are here. A word is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
checked=0
for headers in /lib/modules/*/build; do
    [ -f "$headers/Makefile" ] || continue
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    for contract in files/kmod/*/kmod.yml tests/fixtures/kmod/*/kmod.yml; do
        folder=$(dirname "$contract")
        name=$(basename "$folder")
        [ "$name" = broken ] && continue # the fixture that must not compile
        cp -r "$folder" "$work/"
        echo "obj-m += $name/" >>"$work/Kbuild"
        checked=$((checked + 1))
    done
    # Out-of-tree builds without BTF tools get one line about it, which is not about the code.
    said=$(make -C "$headers" M="$work" -j"$(nproc)" W=1 C=2 CF=-Wsparse-error modules 2>&1 >/dev/null |
        grep -v -e 'Skipping BTF generation' || true)
    if [ -n "$said" ]; then
        echo "$headers: $said" >&2
        exit 1
    fi
    rm -rf "$work"
    echo "W=1 and sparse: nothing to say for $(basename "$(dirname "$headers")")"
done
[ "$checked" -gt 0 ] || { echo "no headers under /lib/modules: nothing was checked" >&2; exit 1; }
