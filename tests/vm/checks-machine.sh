# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The machine is a real one: what the other checks take for granted.

system_is_up()
{
	systemctl is-system-running --wait || {
		systemctl --failed --no-legend
		[ "$(systemctl is-system-running)" = degraded ]
	}
}

has_controllers()
{
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
	for controller in cpu memory pids; do
		grep -w $controller /sys/fs/cgroup/cgroup.controllers
	done
}

logind_knows_logins()
{
	systemctl is-active systemd-logind.service
	# shellcheck disable=SC2016 # for the user's shell
	ssh_as vmalice 'loginctl show-session "$XDG_SESSION_ID" -P Name' | grep -x vmalice
}

sshd_listens()
{
	ss -Hltn 'sport = 22' | grep -E '(127\.0\.0\.1|0\.0\.0\.0):22'
}

cron_runs()
{
	systemctl is-active cron.service
}

# show_setting NAME: a sysctl's value, or that it is not there.
show_setting()
{
	note "$1 = $(sysctl -n "$1" 2>/dev/null || echo "(none)")"
}

check systemd system_is_up
check cgroups has_controllers
check apparmor grep -x Y /sys/module/apparmor/parameters/enabled
check logind logind_knows_logins
check sshd sshd_listens
check login ssh_as vmalice true
check cron cron_runs
check_on bookworm userns-sysctl sysctl kernel.unprivileged_userns_clone

note "kernel $(uname -r), $(ssh -V 2>&1), $(dpkg-query -W libpam0g)"
note "security modules $(cat /sys/kernel/security/lsm), controllers $(cat /sys/fs/cgroup/cgroup.controllers)"
show_setting kernel.unprivileged_userns_clone
show_setting kernel.apparmor_restrict_unprivileged_userns
show_setting kernel.apparmor_restrict_unprivileged_unconfined
show_setting kernel.yama.ptrace_scope
show_setting user.max_user_namespaces
note "up after $(cut -d ' ' -f 1 /proc/uptime) s"
