# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# Trials that are under way when the machine loses its power, at once. One is over when it is up again, the other is not.

make_user nshshort
make_user nshlong
"$ctl" enable --try 1h nshlong
"$ctl" enable --try 120s nshshort
# Nothing ends them in this start of the machine, however long the reset takes.
systemctl stop nsshell-expire.timer

# A sandbox that stays without a login, but not without the machine.
make_user nshleft -s "$nsshell"
set_policy nshleft '[session]\nlifetime = linger'
# shellcheck disable=SC2016 # for the user's shell
su - nshleft -c 'setsid -f sleep 1111 >/dev/null 2>&1; echo $NSSHELL_SESSION' >~/lingered
wait_for pgrep -u nshleft -x sleep >>~/lingered
