# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Read by tests/vm/make-disk: a Debian with git and sudo, a network, and a user who may use sudo.

disk_size=16G

packages=(
	git
	sudo
)

# use_network: what qemu's user network has; 10.0.2.2 is the machine that qemu runs on, where a proxy of apt's may be.
use_network()
{
	printf '[Match]\nType=ether\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/20-all.network"
	chmod 644 "$root/etc/systemd/network/20-all.network"
	chroot "$root" systemctl --quiet enable systemd-networkd.service
	echo nameserver 10.0.2.3 >"$root/etc/resolv.conf"
	apt-config dump --no-empty --format '%f "%v";%n' Acquire::http Acquire::https \
		Acquire::Check-Valid-Until Acquire::Check-Date Acquire::Languages |
		sed -E 's,//(localhost|127\.[0-9.]+|\[::1\]),//10.0.2.2,' >"$root/etc/apt/apt.conf.d/99-as-outside"
}

configure()
{
	use_network
	# What is installed from now on is installed as anywhere.
	rm "$root/etc/dpkg/dpkg.cfg.d/small-disk"
	chroot "$root" useradd -m -s /bin/bash newcomer
	echo 'newcomer ALL=(ALL:ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/newcomer"
	chmod 440 "$root/etc/sudoers.d/newcomer"
}
