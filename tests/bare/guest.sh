#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs on a bare machine, virtual or a root of its own, as root, when it is up: has the newcomer type what stands in the
# files type-* beside it, as checks.sh says, and looks what the machine is like before and afterwards. tests/vm/report.sh
# says how it tells what it finds.

# shellcheck disable=SC2016,SC2034,SC2086,SC2154,SC2317 # report.sh knows and runs what is here; no name has a space

# The longest time that a check may take.
check_seconds=$(cat "$(dirname "$0")/seconds")
# shellcheck source=tests/vm/report.sh
. "$(dirname "$0")/report.sh"
here=$(dirname "$0")
before=/run/before
guest=$$

# In a root of its own nothing does.
systemd_runs()
{
	[ -d /run/systemd/system ]
}

# state FOLDER: what a command must leave as it was, a file for each kind.
state()
{
	mkdir -p "$1"
	cat /etc/passwd /etc/group >"$1/accounts"
	cat /etc/subuid /etc/subgid >"$1/subids"
	find /etc/pam.d /etc/login.defs /etc/nsswitch.conf /etc/profile -type f -exec sha256sum {} + >"$1/files"
	find /tmp /var/tmp /opt /home /root /srv /usr/local -mindepth 1 -maxdepth 1 -not -name 'systemd-private-*' >"$1/places"
	grep '^/dev' /proc/mounts >"$1/mounts"
	programs | sort -u >"$1/programs"
}

# programs: owner and program of each process, but for these checks' own, which have their environment.
programs()
{
	for process in /proc/[0-9]*; do
		if [ "$process" != /proc/$guest ] && ! grep -qsz "^guest=$guest$" "$process/environ" &&
			program=$(readlink "$process/exe"); then
			echo "$(stat -c %U "$process") ${program% (deleted)}"
		fi
	done
}

# kept KIND: every line of it is still there.
kept()
{
	fails grep -vxFf "$now/$1" "$before/$1"
}

# new KIND: prints the lines that were not there.
new()
{
	grep -vxFf "$before/$1" "$now/$1" || true
}

# system_accounts: of the lines it reads, each is of an account or a group that a package made for itself.
system_accounts()
{
	fails awk -F: '$3 >= 1000 || (NF == 7 && $7 !~ /(nologin|false)$/) { print; found = 1 } END { exit !found }'
}

# from_packages: of the files that it reads, each belongs to a package.
from_packages()
{
	while read -r _ file; do
		dpkg-query -S "$file"
	done
}

# made_by_packages: the folders that their tmpfiles.d(5) names; in Debian 13 root's .ssh is one.
made_by_packages()
{
	awk '$1 ~ /^d/ { print $2 }' /usr/lib/tmpfiles.d/*.conf
}

no_sshd()
{
	if systemd_runs; then
		fails systemctl --quiet is-active ssh.service ssh.socket
		fails systemctl --quiet is-enabled ssh.service ssh.socket
		fails grep -E '^ *[0-9]+: [0-9A-F]+:0016 [0-9A-F:]+ 0A' /proc/net/tcp /proc/net/tcp6
	else
		fails pgrep_of /usr/sbin/sshd
	fi
	diff /dev/null <(started_at_boot)
	cmp /etc/ssh/sshd_config /usr/share/openssh/sshd_config
	[ -z "$(ls -A /etc/ssh/sshd_config.d)" ]
}

# started_at_boot: what starts an sshd or a cron with the machine, whether or not it runs systemd today.
started_at_boot()
{
	find /etc/systemd/system -path '*.target.wants/*' '(' -name 'ssh*' -o -name 'cron*' ')'
	find /etc/rc[2-5].d -name 'S*ssh' -o -name 'S*cron'
}

# undone [PLACE...]: all is as before but for what packages brought with them, and those places.
undone()
{
	now=/run/now
	rm -rf $now
	wait_for no_login_of_tests
	state $now
	kept accounts
	new accounts | system_accounts
	cmp $before/subids $now/subids
	kept files
	new files | from_packages
	kept places
	diff <(printf '%s\n' "$@" | grep . | sort) <(new places | grep -vxFf <(made_by_packages) | sort)
	cmp $before/mounts $now/mounts
	diff /dev/null <(new programs)
	no_sshd
	[ ! -e /usr/sbin/policy-rc.d ]
}

no_login_of_tests()
{
	fails pgrep_of /opt/nsshell
}

# pgrep_of FOLDER: whether a program below it is running.
pgrep_of()
{
	readlink /proc/[0-9]*/exe | grep "^$1"
}

nothing_but_git_and_sudo()
{
	for name in git sudo; do
		command -v $name
	done
	for name in make cc gcc python3 ssh sshd scdoc ip ps curl wget; do
		fails command -v $name
	done
	id newcomer
	fails grep nsh /etc/passwd
}

# typed NAME: in a terminal, as a login. How long it took and the closing line, if it has one, are notes.
typed()
{
	local status=0
	SECONDS=0
	script -qefc "su --login newcomer --command '. $here/type-$1'" "/run/$1.said" </dev/null || status=$?
	note "$release: $1: $SECONDS s" "$(closing_lines "$1")"
	[ $status = 0 ] || tail -n 300 "/run/$1.said"
	return $status
}

closing_lines()
{
	tr -d '\r' <"/run/$1.said" | grep -Ex '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' || true
}

# typed_tests NAME: likewise, and the closing line says that nothing failed and nothing was left out.
typed_tests()
{
	typed "$1"
	closing_lines "$1" | grep -Ex '[1-9][0-9]* passed, 0 failed, 0 skipped'
}

# The network is up when there is a way out; in a root of its own it is the machine's outside.
if systemd_runs; then
	wait_for grep $'\t00000000\t' /proc/net/route
fi
# The lists of packages are those that were there for git, made new.
wait_for apt-get -q update
su --login newcomer --command "git clone --quiet $here/nsshell.bundle nsshell"
if systemd_runs; then
	sleep 5
fi
bash -euo pipefail -c 'state $before'

# shellcheck source=tests/bare/checks-some.sh
. "$here/checks.sh"
finish
