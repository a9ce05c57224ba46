#!/bin/bash
# Install what `make check` needs from Debian's packages, where something is missing.
set -euo pipefail
packages=(
    make gcc               # the C files are compiled here as well as on the machines
    linux-headers-amd64    # ... against this Debian's kernel
    sparse                 # the kernel's own checker: __user, __rcu, endianness
    shellcheck             # where there is shell
    git                    # lists the files that belong to us
)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
