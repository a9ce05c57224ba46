#!/bin/sh
# Runs when a box's packages are installed. $1 is the box's root, LAB_PUBLIC_KEY this clone's key.
set -eu
root=$1

# The account that Vagrant and Ansible come in by.
chroot "$root" useradd --create-home --shell /bin/bash vagrant
mkdir -p "$root/home/vagrant/.ssh"
echo "$LAB_PUBLIC_KEY" >"$root/home/vagrant/.ssh/authorized_keys"
chroot "$root" chown -R vagrant:vagrant /home/vagrant/.ssh
chmod 700 "$root/home/vagrant/.ssh"
chmod 600 "$root/home/vagrant/.ssh/authorized_keys"
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vagrant"
chmod 440 "$root/etc/sudoers.d/vagrant"

# The name must resolve, else every sudo waits for it.
echo lab >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 lab\n::1 localhost\n' >"$root/etc/hosts"

# QEMU's own networks, one to come in by and one to the mirror: in each, this machine is .2, names are asked of .3, and the
# guest's first address is .15. None is asked for by DHCP: networkd leaves a card without an address if it comes to ask while
# udev has not done with renaming the card, which a slow machine takes long to do.
mkdir -p "$root/etc/systemd/network"
card() {
    printf '[Match]\n%s\n[Network]\n%b\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' "$2" "$3" \
        >"$root/etc/systemd/network/$1.network"
}
card 1-way-in MACAddress=52:54:01:00:00:00 Address=10.0.3.15/24
card 2-way-out 'Name=e*' 'Address=10.0.2.15/24\nGateway=10.0.2.2'
rm -f "$root/etc/resolv.conf"
echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
# A mirror or proxy on this machine's loopback is seen from inside at .2.
sed -i -E 's,//(localhost|127\.0\.0\.1)([:/]),//10.0.2.2\2,' "$root"/etc/apt/sources.list "$root"/etc/apt/apt.conf.d/*
# Descriptions in other languages are the larger half of what `apt-get update` fetches.
echo 'Acquire::Languages "none";' >"$root/etc/apt/apt.conf.d/90lab"

# Without KVM, QEMU translates a program anew at each address it runs at: with the same ones each time, it does so once.
echo 'kernel.randomize_va_space = 0' >"$root/etc/sysctl.d/lab.conf"

# Every machine writes its own identity; empty, unlike missing, does not count as a first boot.
: >"$root/etc/machine-id"

# Nothing runs by itself that a test did not ask for, and nothing waits at boot.
chroot "$root" systemctl --quiet enable systemd-networkd.service ssh.service
chroot "$root" systemctl --quiet disable systemd-networkd-wait-online.service
chroot "$root" systemctl --quiet set-default multi-user.target
chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer getty@tty1.service

# GRUB boots whatever kernel the links point at, so a kernel upgraded inside is the next one.
mkdir -p "$root/boot/grub"
cat >"$root/boot/grub/grub.cfg" <<'EOF'
linux /vmlinuz root=/dev/vda1 rw console=ttyS0 loglevel=5
initrd /initrd.img
boot
EOF
