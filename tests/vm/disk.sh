# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Read by make-disk: the machine of the checks beside this file.

disk_size=2G

packages=(
	apparmor
	autofs
	bubblewrap
	cron
	dbus
	iproute2
	kmod
	'^libiniparser[0-9]+$'
	libjansson4
	libnss-sss
	libpam-modules
	libpam-sss
	libpam-systemd
	libseccomp2
	login
	nfs-kernel-server
	openssh-client
	openssh-server
	passwd
	procps
	slapd
	sssd-ldap
	systemd-container
	uidmap
	util-linux
	# What the system tests need.
	dash
	git
	less
	perl
	python3-paramiko
	python3-pexpect
	python3-pytest
	rsync
	screen
	strace
	tmux
	vim
	xauth
)

# What builds the package, and is not on the disk.
builder=(
	build-essential
	debhelper
	git
	libiniparser-dev
	libjansson-dev
	libpam0g-dev
	libseccomp-dev
	libsystemd-dev
	po-debconf
	scdoc
)

# What a few checks start when they need it.
units_for_checks=(
	autofs.service
	nfs-blkmap.service
	nfs-client.target
	nfs-server.service
	rpcbind.service
	rpcbind.socket
	slapd.service
	sssd.service
)

# From Debian 13 on there are profiles of a hundred programs that are not on this disk, and to compile
# them takes longer than all the rest of the start.
wanted_profiles='unix-chkpwd|unprivileged_userns'

configure()
{
	chroot "$root" systemctl --quiet disable "${units_for_checks[@]}"
	find "$root/var/lib/apt/lists" -type f -delete
	find "$root/etc/apparmor.d" -maxdepth 1 -type f -regextype posix-extended \
		! -regex ".*/($wanted_profiles)" -delete
}
