# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Read by disk.sh and root.sh: a Debian with git and sudo, and a user who may use sudo.

packages=(
	git
	sudo
)

# use_apt_as_outside HOST: where apt has its packages from, and which proxy; HOST is what the machine outside is called.
use_apt_as_outside()
{
	apt-config dump --no-empty --format '%f "%v";%n' Acquire::http Acquire::https \
		Acquire::Check-Valid-Until Acquire::Check-Date Acquire::Languages |
		sed -E "s,//(localhost|127\.[0-9.]+|\[::1\]),//$1," >"$root/etc/apt/apt.conf.d/99-as-outside"
}

make_newcomer()
{
	# What is installed from now on is installed as anywhere.
	rm "$root/etc/dpkg/dpkg.cfg.d/small-disk"
	chroot "$root" useradd -m -s /bin/bash newcomer
	# Debian 13's sudo takes core files away, and root of a container may not have them back.
	printf '%s\n' 'Defaults rlimit_core=default' 'newcomer ALL=(ALL:ALL) NOPASSWD: ALL' \
		>"$root/etc/sudoers.d/newcomer"
	chmod 440 "$root/etc/sudoers.d/newcomer"
}
