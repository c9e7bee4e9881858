#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs in the virtual machine, as root, when it is up: all checks-*.sh beside it, each in a shell of its
# own. Then before-reset.sh, and the machine is reset as if it had lost its power; when it is up again after-reset.sh
# looks what has become of it. What they find goes to the second serial port, which is a file outside:
#
#	ok NAME
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

results=/dev/ttyS1
was_reset=/var/lib/nsshell-vm-was-reset
check_seconds=400
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
here=$(dirname "$0")

# check NAME COMMAND [WORD...]: COMMAND must succeed. When it is a function, every command of it must; it
# is traced, so that the last line tells what was compared with what.
check()
{
	local name=$1 log=/run/check.log status
	shift
	timeout -k 5 "$check_seconds" bash -euxo pipefail -c '"$@"' check "$@" \
		</dev/null >"$log" 2>&1
	status=$?
	if [ $status = 0 ]; then
		echo "ok $name" >$results
		return
	fi
	[ $status != 124 ] || echo "no end within $check_seconds s" >>"$log"
	echo "not ok $name: $(tail -n 1 "$log")" >$results
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
	echo "# $*" >$results
}

# make_user NAME [OPTION...]: a user as whom root can log in over ssh. Options are useradd's.
make_user()
{
	useradd -m -s /bin/bash "${@:2}" "$1"
	install -d -m 700 -o "$1" -g "$1" "/home/$1/.ssh"
	install -m 600 -o "$1" -g "$1" ~/.ssh/id_ed25519.pub "/home/$1/.ssh/authorized_keys"
}

# ssh_as NAME [COMMAND]: a login, with root's key.
ssh_as()
{
	ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR "$1@127.0.0.1" "${@:2}"
}

# All at once, and nothing is written any more.
reset_machine()
{
	touch $was_reset
	sync --file-system $was_reset
	echo b >/proc/sysrq-trigger
	sleep infinity
}

# The kernel's messages would stand in the middle of ours.
dmesg --console-level warn
export HOME=/root LC_ALL=C.UTF-8
# shellcheck source=tests/vm/nsshell.sh
. "$here/nsshell.sh"

if [ -e $was_reset ]; then
	# shellcheck source=tests/vm/after-reset.sh
	. "$here/after-reset.sh"
	echo "done" >$results
	exit
fi

mkdir -p ~/.ssh
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
make_user vmalice
install_nsshell

for file in "$here"/checks-*.sh; do
	# shellcheck source=/dev/null
	(. "$file")
done
# shellcheck source=tests/vm/before-reset.sh
. "$here/before-reset.sh"
reset_machine
