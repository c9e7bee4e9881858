#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs in the virtual machine, as root, when it is up: makes it the machine that docs/guide has its examples on, lab1,
# with two users, ann and ben, and somebody else's computer, "laptop", who can log in over ssh as each user that there is
# or that the guide makes. Then tests/guide/inside types what the guide says. Nothing of nsshell is installed before.
set -eu

results=/dev/ttyS1
here=$(dirname "$0")
trap 'echo "not ok set-up: line $LINENO" >$results' ERR

make_name()
{
	hostname lab1
	echo lab1 >/etc/hostname
	printf '127.0.0.1\tlocalhost\n192.0.2.1\tlab1\n' >/etc/hosts
}

# What leads out of the machine leads nowhere, but nsshell and pasta(1) do not know that.
make_network()
{
	ip link add lan type dummy
	ip address add 192.0.2.1/24 dev lan
	ip link set lan up
	ip route add default via 192.0.2.254
}

make_laptop()
{
	useradd -m -s /bin/bash laptop
	runuser -l laptop -c 'mkdir -m 700 .ssh; ssh-keygen -q -t ed25519 -N "" -f .ssh/id_ed25519'
	printf 'BatchMode yes\nStrictHostKeyChecking accept-new\nLogLevel ERROR\n' >~laptop/.ssh/config
	install -d -m 700 /etc/skel/.ssh
	install -m 600 ~laptop/.ssh/id_ed25519.pub /etc/skel/.ssh/authorized_keys
}

make_users()
{
	for user in ann ben; do
		useradd -m -s /bin/bash "$user"
	done
	# What users of a course machine can write to, and shall not read.
	install -d -m 1777 /srv/scratch
	install -d /srv/solutions
	echo 42 >/srv/solutions/sheet1
	# Documents of packages, as on a machine that has not to be small.
	sed -i /path-exclude/d /etc/dpkg/dpkg.cfg.d/small-disk
	cp "$here"/*.deb /root
}

# A user's systemd need not be started anew for each login: without KVM that is a third of it.
keep_managers()
{
	mkdir -p /etc/systemd/logind.conf.d
	printf '[Login]\nUserStopDelaySec=infinity\n' >/etc/systemd/logind.conf.d/keep.conf
	systemctl restart systemd-logind
}

dmesg --console-level warn
export HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
cd /root
make_name
make_network
make_laptop
make_users
keep_managers
trap - ERR
python3 -B "$here/inside" "$here/guide" $results
