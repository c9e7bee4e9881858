# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# Limits of a login: set through systemd where it runs and in a control group of our own elsewhere, and
# what they are good for.

limits='[view]\ntmp_size = 64M\n[limits]\nmemory_max = 200M\ntasks_max = 64\ncpu_max = 50%'
tree=/sys/fs/cgroup
load=$suite/build/check/tests/tools/load
taken=/run/taken

set_up_limits()
{
	make_user nshload -s "$nsshell"
	make_user nshcalm -s "$nsshell"
	set_policy nshload "$limits"
	load_id=$(id -u nshload)
}

# ssh_elsewhere NAME [COMMAND]: to an sshd that sees no systemd.
ssh_elsewhere()
{
	ssh_as "$1" -p 2222 "${@:2}"
}

start_sshd_elsewhere()
{
	systemd-run -q --unit nsh-elsewhere unshare -m --propagation slave sh -c \
		'mount -t tmpfs none /run/systemd && exec /usr/sbin/sshd -D -p 2222 -o PidFile=none'
	wait_for ssh_elsewhere vmalice true
}

# hold_login COMMAND...: starts it, whose end is a sleep of nshload's, and waits for that; $held is the
# sleep, $group the control group that it is in.
hold_login()
{
	"$@" &
	client=$!
	wait_for pgrep -u nshload -x sleep
	held=$(pgrep -u nshload -x sleep)
	group=$(sed -n s/^0:://p "/proc/$held/cgroup")
}

release_login()
{
	kill "$held"
	wait "$client" || true
}

is_gone()
{
	[ ! -e "$1" ]
}

# is_limited GROUP: the kernel holds it to $limits.
is_limited()
{
	[ "$(cat "$tree$1/memory.max")" = $((200 << 20)) ]
	[ "$(cat "$tree$1/memory.swap.max")" = 0 ]
	[ "$(cat "$tree$1/pids.max")" = 64 ]
	[ "$(cat "$tree$1/cpu.max")" = "50000 100000" ]
}

# systemd_knows UNIT: it was told, and not gone behind.
systemd_knows()
{
	systemctl show "$1" -p MemoryMax -p MemorySwapMax -p TasksMax -p CPUQuotaPerSecUSec -p Slice |
		sort | diff - <(printf '%s\n' CPUQuotaPerSecUSec=500ms MemoryMax=$((200 << 20)) \
			MemorySwapMax=0 "Slice=user-$load_id.slice" TasksMax=64)
}

# An ssh login's is the scope that logind has made for it, which stays logind's.
session_scope_is_limited()
{
	hold_login ssh_as nshload 'sleep 1000'
	[[ $group == /user.slice/user-$load_id.slice/session-*.scope ]]
	is_limited "$group"
	systemd_knows "${group##*/}"
	session=${group##*/session-}
	loginctl terminate-session "${session%.scope}"
	wait "$client" || true
	wait_for is_gone "$tree$group"
	journalctl --sync
	journalctl -q -o cat -t nsshell-session | grep "cgroup=\"$group\" reason="
}

# Root's own session is not the login's: that gets a scope of ours, and leaves root's as it was.
other_scopes_are_limited()
{
	hold_login ssh_as root "cat /proc/self/cgroup >/run/roots; su - nshload -c 'sleep 1000'"
	[[ $group == /user.slice/user-$load_id.slice/nsshell-*.scope ]]
	is_limited "$group"
	systemd_knows "${group##*/}"
	[ "$(cat "$tree$(sed -n s/^0:://p /run/roots)/pids.max")" = max ]
	release_login
	wait_for is_gone "$tree$group"
	wait_for has_no_scopes
}

# The scope is to start, and waits.
login_waits()
{
	systemctl --no-legend list-jobs 'nsshell-*.scope' | grep start
}

# systemd ends a user's slice when nothing is in it any more; a login that comes meanwhile is let in all the same.
login_while_slice_ends()
{
	rm -f /run/nsh-slow
	# Not while that of the logins before is still ending.
	wait_for systemd-run -q --unit nsh-slow --slice "user-$load_id.slice" \
		sh -c 'trap "" TERM; : >/run/nsh-slow; while [ -e /run/nsh-slow ]; do sleep 0.2; done'
	wait_for test -e /run/nsh-slow
	systemctl stop --no-block "user-$load_id.slice"
	systemctl list-jobs "user-$load_id.slice" | grep stop
	(wait_for login_waits; rm /run/nsh-slow) &
	hold_login setsid -w su - nshload -c 'sleep 1000'
	[[ $group == /user.slice/user-$load_id.slice/nsshell-*.scope ]]
	is_limited "$group"
	release_login
	wait_for is_gone "$tree$group"
	# On a busy machine it can be gone without having failed.
	systemctl reset-failed nsh-slow || true
}

cron_is_limited()
{
	group=$(run_cron_job nshload 'sed -n s/^0:://p /proc/self/cgroup')
	[[ $group == /user.slice/user-$load_id.slice/nsshell-*.scope ]]
	wait_for is_gone "$tree$group"
}

# pam_systemd behind the module takes the login out of the control group that it was put into.
try_wrong_order()
{
	local status output unlimited
	# Where logind gives no answer in time, or knows the user and so takes the login for a part of another one, pam_systemd
	# moves nothing, and all is well.
	for _ in 1 2 3; do
		status=0
		wait_for is_away nshload
		output=$(ssh_as nshload true 2>&1) || status=$?
		[ "$status" = 0 ] || break
		journalctl -q -b -n 40 -o cat -t sshd -t sshd-session -t systemd-logind -t nsshell-session
	done
	unlimited=$(ssh_as nshcalm 'echo works')
	[ "$status" = 125 ]
	[[ $output == *"cannot hold this account to its limits"* ]]
	[ "$unlimited" = works ]
}

wrong_order_is_refused()
{
	with_module_first try_wrong_order
}

# Over the system bus users have systemd move processes of theirs to where they have no limits, and are told others'
# processes and logins. Root's processes in the frame still have the bus.
bus_is_closed()
{
	since=$(date +%s)
	escape="busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
		org.freedesktop.systemd1.Manager AttachProcessesToUnit ssau user@\$(id -u).service /init.scope 1 0"
	[ "$(ssh_as nshcalm "! busctl list 2>&1 >/dev/null && ls -A /run/dbus /run/systemd/transient" 2>&1 | tail -n 1)" = \
		/run/systemd/transient: ]
	set_policy nshcalm '[view]\nothers = host'
	ssh_as nshcalm "$escape"
	set_policy nshcalm ''
	set_policy nshload "${limits/tmp_size = 64M/others = host}"
	output=$(ssh_as nshload "! $escape && ! ls /run/dbus" 2>&1)
	[[ $output == *"ls: cannot "*"/run/dbus"*"Permission denied"* ]]
	set_policy nshload "${limits/tmp_size = 64M/tmp = host}"
	output=$(ssh_as nshload "! $escape && ! ls /run/user/\$(id -u)" 2>&1)
	set_policy nshload "$limits"
	[[ $output == *"ls: cannot "*"/run/user/$load_id"*"Permission denied"* ]]
	journalctl -q -o cat --since "@$since" -t sshd -t sshd-session -g 'pam_systemd.*[Ff]ailed' >/run/failed || true
	# The first was of logins that share a sandbox; see pam_nsshell(8). The second is sshd's: a child of its own has ended
	# while it waited for logind, which sees the session's end by itself. The third is of a check that starts logind again
	# while a login of the check before is ending. And logind does not start a session where systemd still stops the slice of
	# the user's last one.
	local released="Caller does not belong to any known session|Interrupted system call"
	released+="|Message recipient disconnected from message bus without replying"
	fails grep -Ev "Failed to (release session: ($released)|create session: Transaction for .* is destructive)" /run/failed
}

# A control group of our own: it is there, it holds, and it goes with the last process.
own_group_is_limited()
{
	hold_login ssh_elsewhere nshload 'sleep 1000'
	[[ $group == /nsshell/* ]]
	is_limited "$group"
	keeper=$(pgrep -x nsshell-session)
	[ "$(awk '/^Cap(Prm|Eff|Inh)|^Uid/ { print $2 }' "/proc/$keeper/status" | sort -u)" = "0
0000000000000000" ]
	note "keeper: $(awk '/^Pss:|^Private_Dirty/ { printf "%s %s ", $1, $2 }' "/proc/$keeper/smaps_rollup")"
	release_login
	wait_for is_gone "$tree$group"
	wait_for fails pgrep -x nsshell-session
	[ "$(find $tree/nsshell -mindepth 1 -type d | wc -l)" = 0 ]
}

# ... and when its keeper was killed, with the next login.
own_group_without_keeper()
{
	hold_login ssh_elsewhere nshload 'sleep 1000'
	kill -9 "$(pgrep -x nsshell-session)"
	release_login
	wait_for grep 'populated 0' "$tree$group/cgroup.events"
	ssh_elsewhere nshload true
	wait_for is_gone "$tree$group"
}

# Without systemd's own, the tree's root may lack a controller: nobody else logs in unlimited then.
missing_controller_is_refused()
{
	systemd-run -q --unit nsh-bare unshare -m --propagation slave sh -c \
		'umount -l /sys/fs/cgroup && exec /usr/sbin/sshd -D -p 2223 -o PidFile=none'
	wait_for ssh_as vmalice -p 2223 true
	status=0
	ssh_as nshload -p 2223 true || status=$?
	ssh_as nshcalm -p 2223 true
	systemctl stop nsh-bare
	[ $status = 254 ]
	journalctl --sync
	journalctl -q -o cat -t nsshell-session | tail -n 3 | grep 'limits.memory_max: this machine has no cgroup v2'
}

# others_can_log_in: another confined user and root, and how long it took them.
others_can_log_in()
{
	SECONDS=0
	timeout 180 bash -c 'ssh_as nshcalm true' &
	calm=$!
	timeout 180 bash -c 'ssh_as root true'
	wait "$calm"
	note "others log in within $SECONDS s while there is: $*"
}

has_lines()
{
	[ "$(wc -l <"$1")" -ge "$2" ]
}

# withstand LOAD...: nshload takes what it gets of each (KIND:MOST[:FOLDER]), and holds it; others can log
# in, and in the end nothing is left of the login. $taken says how much it was and what ended it.
withstand()
{
	: >$taken
	ssh_as nshload "$(loads "$@") wait" >$taken &
	client=$!
	wait_for has_lines $taken "${lines:-$#}"
	others_can_log_in "$@"
	while read -r line; do
		note "$line"
	done <$taken
	group=$(sed -n s/^0:://p "/proc/$(pgrep -o -u nshload -x load)/cgroup")
	pkill -KILL -u nshload -x load
	wait "$client" || true
	wait_for is_gone "$tree$group"
	# The next login asks systemd, which may be busy with the end of this one.
	wait_for has_no_jobs
}

has_no_jobs()
{
	systemctl --no-legend list-jobs >/run/jobs || return 1
	[ ! -s /run/jobs ]
}

# loads LOAD...: the commands for that.
loads()
{
	for one; do
		echo "$load ${one//:/ } & "
	done
}

# took KIND PATTERN: what there was in the end, in words of the kernel's.
took()
{
	grep -Ex "$1 $2" $taken
}

fork_bomb()
{
	withstand fork:200
	took fork '[1-6][0-9] Resource temporarily unavailable'
}

memory_hog()
{
	withstand memory:300
	took memory '1[0-9][0-9] Killed'
}

disk_filler()
{
	withstand fill:200:/tmp fill:200:/dev/shm
	[ "$(took fill '[0-9]+ No space left on device' | wc -l)" = 2 ]
	[ "$(awk '{ sum += $2 } END { print sum }' $taken)" -le 64 ]
}

# What the kernel counts for each user. Namespaces the policy has to allow first.
many_things()
{
	ssh_as nshload "$load namespaces 100000 >taken & until [ -s taken ]; do sleep 0.2; done; cat taken; kill \$! || true" >$taken
	took namespaces '0 Operation not permitted'
	set_policy nshload "$limits\n[security]\nnested_userns = yes"
	lines=6
	withstand namespaces:100000 inotify:1000000:/tmp signals:1000000 timers:1000000 ptys:100000
	set_policy nshload "$limits"
	took namespaces '[0-9]+ No space left on device'
	took watches '[0-9]+ No space left on device'
	took instances '[0-9]+ Too many open files'
	took signals '[0-9]+ Resource temporarily unavailable'
	took timers '[0-9]+ Resource temporarily unavailable'
	took ptys '[0-9]+ No space left on device'
}

# So that a load which gets no further is one that could.
without_limits()
{
	ssh_as nshcalm "for one in 'fork 200' 'memory 300' 'fill 200 /tmp' 'fill 200 /dev/shm'; do
		timeout 600 $load \$one >taken &
		until [ -s taken ] || ! kill -0 \$!; do sleep 0.2; done
		cat taken; pkill -KILL -x load; wait; rm -f taken /tmp/fill; done" >$taken || true
	diff $taken - <<-END
		fork 200 enough
		memory 300 enough
		fill 200 enough
		fill 200 enough
	END
}

start=$(cut -d . -f 1 /proc/uptime)
set_up_limits >/dev/null
check limits-session session_scope_is_limited
check limits-su other_scopes_are_limited
check limits-slice with_stack '/pam_systemd/d' login_while_slice_ends
check limits-cron cron_is_limited
check limits-order wrong_order_is_refused
check limits-bus bus_is_closed
timeout "$check_seconds" bash -c start_sshd_elsewhere
check limits-own own_group_is_limited
check limits-keeper own_group_without_keeper
check limits-missing missing_controller_is_refused
systemctl stop nsh-elsewhere
check load-forks fork_bomb
check load-memory memory_hog
check load-disk disk_filler
check load-counted many_things
check load-unlimited without_limits
note "limits: $(($(cut -d . -f 1 /proc/uptime) - start)) s"
