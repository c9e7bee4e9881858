# shellcheck shell=bash disable=SC2154
# Trials that are under way when the machine loses its power, at once. One is over when it is up again, the other is not.

make_user nshshort
make_user nshlong
"$ctl" enable --try 1h nshlong
"$ctl" enable --try 8s nshshort
# Nothing ends them in this start of the machine, however long the reset takes.
systemctl stop nsshell-expire.timer
