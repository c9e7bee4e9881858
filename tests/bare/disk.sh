# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Read by tests/vm/make-disk: the newcomer's Debian with systemd and a network.

disk_size=16G
# shellcheck source=tests/bare/newcomer.sh
. "$(dirname "$recipe")/newcomer.sh"

# What qemu's user network has; 10.0.2.2 is the machine that qemu runs on, where a proxy of apt's may be.
configure()
{
	printf '[Match]\nType=ether\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/20-all.network"
	chmod 644 "$root/etc/systemd/network/20-all.network"
	chroot "$root" systemctl --quiet enable systemd-networkd.service
	echo nameserver 10.0.2.3 >"$root/etc/resolv.conf"
	use_apt_as_outside 10.0.2.2
	make_newcomer
}
