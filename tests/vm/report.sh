# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by what runs in a virtual machine, as root (guest.sh here, and tests/bare/guest.sh): checks, each a command in
# a shell of its own. What they find goes to the second serial port, which is a file outside, or to the file $results:
#
#	ok NAME: how long it took
#	not ok NAME: the last line that the check wrote
#	# something to know
#	done
#
# Whatever a failed check wrote is on the console, which is where stdout goes.
#
# Without KVM a login takes seconds, and on a busy machine many: wait for what has to come with wait_for,
# which knows no time, rather than so and so often. The check's own limit is for what never comes.
#
# Everything is exported, because a check runs in a shell of its own too.
set -au

: "${results:=/dev/ttyS1}"
: "${check_seconds:=900}"
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "$VERSION_CODENAME")

# check NAME COMMAND [WORD...]: COMMAND must succeed. When it is a function, every command of it must; it
# is traced, so that the last line tells what was compared with what.
check()
{
	local name=$1 log=/run/check.log status
	shift
	SECONDS=0
	timeout -k 5 "$check_seconds" bash -euxo pipefail -c '"$@"' check "$@" \
		</dev/null >"$log" 2>&1
	status=$?
	if [ $status = 0 ]; then
		echo "ok $name: $SECONDS s" >>"$results"
		return
	fi
	[ $status != 124 ] || echo "no end within $check_seconds s" >>"$log"
	echo "not ok $name: $(tail -n 1 "$log")" >>"$results"
	sed "s/^/$name: /" "$log"
}

# check_on RELEASE NAME COMMAND [WORD...]: a check for one release of Debian.
check_on()
{
	[ "$1" != "$release" ] || check "${@:2}"
}

# wait_for COMMAND [WORD...]: until it succeeds.
wait_for()
{
	until "$@"; do
		sleep 0.2
	done
}

# fails COMMAND [WORD...]: a "!" in front of a command keeps bash -e from ending there, whatever it says.
fails()
{
	if "$@"; then
		return 1
	fi
}

note()
{
	echo "# $*" >>"$results"
}

finish()
{
	echo "done" >>"$results"
	exit
}

# The kernel's messages would stand in the middle of ours, where the console is the machine's.
[ "$results" != /dev/ttyS1 ] || dmesg --console-level warn
export HOME=/root LC_ALL=C.UTF-8
