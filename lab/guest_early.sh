#!/bin/sh
# Runs while a box is made, before its kernel is installed. $1 is the box's root; LAB_LEAN is set for a lean one.
set -eu
root=$1

# Only what a virtual machine boots from: a small initramfs is most of a fast boot without KVM.
mkdir -p "$root/etc/initramfs-tools/conf.d" "$root/etc/initramfs-tools/hooks"
printf 'MODULES=list\nCOMPRESS=gzip\n' >"$root/etc/initramfs-tools/conf.d/lab"
cat >"$root/etc/initramfs-tools/hooks/lab" <<'EOF'
#!/bin/sh
[ "$1" = prereqs ] && exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules virtio_pci virtio_blk ext4 crc32c crc32c_generic crc32c_intel
EOF
chmod 755 "$root/etc/initramfs-tools/hooks/lab"

# Nobody reads manuals in there, and nobody misses its disk after a power cut of this machine.
mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
cat >"$root/etc/dpkg/dpkg.cfg.d/lab" <<'EOF'
force-unsafe-io
path-exclude=/usr/share/man/*
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
EOF

# Without KVM, depmod takes seconds over drivers that no virtual machine has, fifteen where they are compressed; and a
# third of a kernel's headers are other processors'. Kernels installed later are as lean.
if [ -n "${LAB_LEAN-}" ]; then
    cat >"$root/etc/dpkg/dpkg.cfg.d/lean" <<'EOF'
path-exclude=*/lib/modules/*/kernel/net/*
path-include=*/lib/modules/*/kernel/net/core/*
path-exclude=*/lib/modules/*/kernel/drivers/*
path-include=*/lib/modules/*/kernel/drivers/acpi/*
path-include=*/lib/modules/*/kernel/drivers/block/*
path-include=*/lib/modules/*/kernel/drivers/char/*
path-include=*/lib/modules/*/kernel/drivers/net/net_failover*
path-include=*/lib/modules/*/kernel/drivers/net/virtio_net*
path-include=*/lib/modules/*/kernel/drivers/virtio/*
path-exclude=/usr/src/linux-headers-*/arch/*
path-include=/usr/src/linux-headers-*/arch/Kconfig
path-include=/usr/src/linux-headers-*/arch/x86*
EOF
fi
