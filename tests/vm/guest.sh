#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs in the virtual machine, as root, when it is up: all checks-*.sh beside it, each in a shell of its
# own. Then before-reset.sh, and the machine is reset as if it had lost its power; when it is up again after-reset.sh
# looks what has become of it. report.sh says how they tell what they find.

# shellcheck source=tests/vm/report.sh
. "$(dirname "$0")/report.sh"
was_reset=/var/lib/nsshell-vm-was-reset
here=$(dirname "$0")

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

# shellcheck source=tests/vm/nsshell.sh
. "$here/nsshell.sh"

if [ -e $was_reset ]; then
	# shellcheck source=tests/vm/after-reset.sh
	. "$here/after-reset.sh"
	finish
fi

# The default is much arithmetic for an emulated processor.
echo "KexAlgorithms curve25519-sha256" >/etc/ssh/ssh_config.d/nsshell-vm.conf
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
