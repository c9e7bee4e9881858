# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Read by make-disk: the machine of the checks beside this file.

disk_size=1500M

packages=(
	apparmor
	cron
	dbus
	iproute2
	kmod
	libpam-modules
	libpam-systemd
	login
	openssh-client
	openssh-server
	passwd
	procps
	uidmap
	util-linux
)

# From Debian 13 on there are profiles of a hundred programs that are not on this disk, and to compile
# them takes longer than all the rest of the start.
wanted_profiles='unix-chkpwd|unprivileged_userns'

configure()
{
	find "$root/var/lib/apt/lists" -type f -delete
	find "$root/etc/apparmor.d" -maxdepth 1 -type f -regextype posix-extended \
		! -regex ".*/($wanted_profiles)" -delete
}
