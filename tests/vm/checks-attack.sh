# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# Attacks that take more than every kernel has: the entry for 32-bit programs. The rest of them is in
# tests/attack.

wayout=$suite/build/check/tests/tools/wayout

# security LINE...: what nshatt's policy says.
security()
{
	printf '%s\n' '[security]' "$@" >"$policies/users.d/nshatt.conf"
}

# calls USER WAY: what comes of typing into the own terminal and of a new user namespace there, by that
# entry. Two words, with what else the terminal gets thrown away.
calls()
{
	ssh_as "$1" "script -qec '$wayout $2:ioctl 0 0x5412 x=61; $wayout $2:unshare 0x10000000' /dev/null" |
		tr -d '\r' | sed -n 's/.*\(ioctl\|unshare\) \([A-Z0-9]\)/\2/p' | paste -sd ' '
}

is()
{
	echo "$*"
	[ "$1" = "$2" ]
}

# By default there are no 32-bit calls; with all architectures the same ones are refused.
# CVE-2009-0835 is a filter that forgot that there are two tables of numbers.
i386_entry()
{
	sysctl -q -w dev.tty.legacy_tiocsti=1 || true
	is "$(calls vmalice i386)" "0 0"
	security 'architectures=all'
	is "$(calls nshatt native)" "EPERM EPERM"
	is "$(calls nshatt i386)" "EPERM EPERM"
	security 'architectures=native'
	is "$(calls nshatt i386)" "ENOSYS ENOSYS"
	security 'seccomp=off' 'nested_userns=yes'
	is "$(calls nshatt i386)" "0 0"
	# Then by the limit alone.
	security 'seccomp=off'
	is "$(calls nshatt i386)" "0 ENOSPC"
	rm "$policies/users.d/nshatt.conf"
}

make_user nshatt -s "$nsshell"
check i386-entry i386_entry
