# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086,SC2016
# Sandboxes that several logins share, where logind ends what is left of a login and systemd sets the limits: what a
# login leaves behind stays, or ends, as [session] lifetime says, and not as logind would have it.

load=$suite/build/check/tests/tools/load
uptime_s='cut -d . -f 1 /proc/uptime'

# logind_kills WHETHER: KillUserProcesses=. What logind does a while after a user's last login it does at once.
logind_kills()
{
	mkdir -p /etc/systemd/logind.conf.d
	printf '[Login]\nKillUserProcesses=%s\nUserStopDelaySec=0\n' "$1" \
		>/etc/systemd/logind.conf.d/nsshell.conf
	systemctl restart systemd-logind
}

# session NAME LINE...: a user's policy, of which the lines are in [session].
session()
{
	set_policy "$1" "[session]\n$(printf '%s\\n' "${@:2}")"
}

# hold NAME LOGIN COMMAND WAY...: by WAY, NAME logs in, runs COMMAND, and stays until let_go. $sandbox is the id of
# where that is. LOGIN is any word.
hold()
{
	rm -f /home/$1/$2
	"${@:4}" "$3; echo \$NSSHELL_SESSION >$2.new; mv $2.new $2; while [ -e $2 ]; do sleep 0.2; done" &
	echo $! >/run/held-$2
	wait_for test -e /home/$1/$2
	sandbox=$(cat /home/$1/$2)
}

# let_go NAME LOGIN: it ends well.
let_go()
{
	rm /home/$1/$2
	wait "$(cat /run/held-$2)"
}

# has_sessions NAME COUNT: as logind sees it, and none of them is one that does not end. From Debian 13 on
# there is one more for the user's systemd.
has_sessions()
{
	loginctl list-sessions --no-legend | awk "/ $1( |\$)/ && !/ manager / { print \$1 }" >/run/sessions
	has_lines /run/sessions "$2" || return 1
	while read -r number; do
		loginctl show-session "$number" -P State | grep -xE 'active|online' || return 1
	done </run/sessions
}

has_lines()
{
	[ "$(wc -l <"$1")" = "$2" ]
}

# is_there NAME SANDBOX: with the sandbox's own processes, in the scope.
is_there()
{
	systemctl is-active "nsshell-$2.scope"
	pgrep -c -u "$1" -x nsshell-sandbox | grep -x 2
}

is_over()
{
	is_away "$1" || return 1
	fails pgrep -u "$1" || return 1
	fails pgrep -x nsshell-hub || return 1
	has_no_scopes
}

# In one login, with a terminal, what nohup and what tmux would leave. The others come back to it.
lingers()
{
	logind_kills yes
	sandbox=$(ssh_as nshstay -tt 'nohup sleep 1111 >/dev/null 2>&1 & setsid -f sleep 2222 >/dev/null 2>&1
		until [ "$(pgrep -cx sleep)" = 2 ]; do :; done; echo $NSSHELL_SESSION' | tr -d '\r' | tail -n 1)
	wait_for is_away nshstay
	is_there nshstay "$sandbox"
	# At the machine's end it goes before the network.
	systemctl show "nsshell-$sandbox.scope" -P After | grep -w systemd-user-sessions.service
	systemctl restart ssh
	[ "$(ssh_as nshstay 'echo $NSSHELL_SESSION; ps -C sleep -o args=')" = "$sandbox
sleep 1111
sleep 2222" ]
	wait_for is_away nshstay
	[ "$(su - nshstay -c 'echo $NSSHELL_SESSION; pkill -x sleep')" = "$sandbox" ]
	wait_for is_over nshstay
}

lingers_where_logind_kills_nothing()
{
	logind_kills no
	sandbox=$(su - nshstay -c 'setsid -f sleep 1111 >/dev/null 2>&1; echo $NSSHELL_SESSION')
	wait_for is_away nshstay
	is_there nshstay "$sandbox"
	[ "$(su - nshstay -c 'echo $NSSHELL_SESSION; pkill -x sleep')" = "$sandbox" ]
	wait_for is_over nshstay
	logind_kills yes
}

# Who leaves first ends nothing, who leaves last ends it all; and logind has the sessions that there are.
ends_with_the_last()
{
	hold nshlast one 'setsid -f sleep 1111 >/dev/null 2>&1' ssh_as nshlast
	first=$sandbox
	hold nshlast two : su - nshlast -c
	[ "$sandbox" = "$first" ]
	has_sessions nshlast 2
	let_go nshlast one
	wait_for has_sessions nshlast 1
	pgrep -u nshlast -f 'sleep 1111'
	is_there nshlast "$sandbox"
	let_go nshlast two
	wait_for is_over nshlast
}

# All logins have one control group, with its limits; and in it the kernel ends what takes too much, and nothing else.
limits_are_for_all()
{
	session nshlast 'lifetime = user' '[view]' 'tmp_size = 64M' '[limits]' 'memory_max = 200M' 'tasks_max = 64'
	hold nshlast one "$load memory 60 >taken1 2>&1 & until [ -s taken1 ]; do sleep 0.2; done" ssh_as nshlast
	hold nshlast two "$load memory 190 >taken2 2>&1 & until [ -s taken2 ]; do sleep 0.2; done; kill \$!" \
		su - nshlast -c
	grep -x 'memory 60 enough' /home/nshlast/taken1
	grep -Ex 'memory 1[0-3][0-9] Killed' /home/nshlast/taken2
	group=/user.slice/user-$(id -u nshlast).slice/nsshell-$sandbox.scope
	pgrep -u nshlast -x 'load|bash|nsshell' >/run/processes
	[ "$(wc -l </run/processes)" -ge 6 ]
	while read -r pid; do
		# What will be the loops' next sleep is a bash for a moment, and then gone.
		grep -x "0::$group" "/proc/$pid/cgroup" || [ ! -e "/proc/$pid" ]
	done </run/processes
	# Systemd is told that others manage the scope; these are not the user.
	[ "$(stat -c %U "/sys/fs/cgroup$group/cgroup.procs" "/sys/fs/cgroup$group/memory.max" | sort -u)" = root ]
	[ "$(cat /sys/fs/cgroup$group/memory.max)" = $((200 << 20)) ]
	[ "$(cat /sys/fs/cgroup$group/pids.max)" = 64 ]
	pgrep -u nshlast -x load
	is_there nshlast "$sandbox"
	let_go nshlast two
	let_go nshlast one
	wait_for is_over nshlast
}

move_clock()
{
	date -s "@$(($(date +%s) + $1 * 86400))"
}

# A day is more than what either of them may last. Input is looked for every 30 seconds.
clock_can_be_set()
{
	session nshlast 'lifetime = user' 'runtime_max = 3h' 'idle_max = 1h'
	session nshstay 'lifetime = user' 'runtime_max = 20s'
	hold nshlast one : ssh_as nshlast -tt
	move_clock 2
	sleep 31
	start=$($uptime_s)
	hold nshstay two : su - nshstay -c
	move_clock -3
	fails wait "$(cat /run/held-two)"
	passed=$(($($uptime_s) - start))
	wait_for fails pgrep -u nshstay -x nsshell-sandbox
	sleep 1
	move_clock 1
	let_go nshlast one
	note "runtime_max = 20s: with the login $passed s"
	[ $passed -ge 20 ]
	[ $passed -le 800 ]
}

# Where there is no hub each of them starts one, and one comes first: the hub's scope is that login's to ask for.
hub_by_two_at_once()
{
	session nshlast 'max_sessions = 9'
	for _ in 1 2 3 4 5 6; do
		su - nshlast -c true &
		one=$!
		su - nshlast -c true
		wait $one
		wait_for fails pgrep -x nsshell-hub
	done
}

start=$(cut -d . -f 1 /proc/uptime)
make_user nshstay -s $nsshell
make_user nshlast -s $nsshell
session nshstay 'lifetime = linger'
session nshlast 'lifetime = user'
check lifetime-linger lingers
check lifetime-linger-kept lingers_where_logind_kills_nothing
check lifetime-user ends_with_the_last
check lifetime-limits limits_are_for_all
check lifetime-hub hub_by_two_at_once
check lifetime-clock clock_can_be_set
rm /etc/systemd/logind.conf.d/nsshell.conf
systemctl restart systemd-logind
note "lifetimes: $(($(cut -d . -f 1 /proc/uptime) - start)) s"
