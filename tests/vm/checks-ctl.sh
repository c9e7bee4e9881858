# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086
# nsshellctl where systemd runs: the doctor on a whole Debian, and trials that a timer ends.

# Nothing of what it is set up for is wrong.
doctor_is_content()
{
	status=0
	$ctl doctor nshdoc >/run/doctor || status=$?
	fails grep -E '^(warn|fail)' /run/doctor
	[ $status = 0 ]
	for text in 'apparmor: on, with no profile' 'namespaces: a session as through the PAM module was made' \
		'namespaces: users can make them' 'pam: sshd: has the module' 'pam: login: has the module' \
		'pam: su: has the module' 'pam: other: has the module' 'pam: cron: has the module' 'pam: systemd-user: ' 'sshd: UsePAM yes' \
		'sshd: forwarding is confined' 'cron: its jobs are in the frame' 'systemd: no linger' \
		'account: nshdoc has user id' 'login: the login shell is nsshell' 'seccomp: no filter' 'proc: '; do
		grep -E "^ok +$text" /run/doctor
	done
}

# The limits of a login, through systemd: the session that is tried is really put into a control group.
doctor_tries_limits()
{
	set_policy nshdoc '[limits]\ntasks_max = 50'
	finds ok 'namespaces: a session as through the PAM module was made' nshdoc
	finds ok 'limits: the machine has' nshdoc
	set_policy nshdoc
	wait_for has_no_scopes
}

doctor_sees_linger()
{
	loginctl enable-linger nshdoc
	finds warn 'systemd: nshdoc lingers' nshdoc
	loginctl disable-linger nshdoc
	wait_for finds ok 'systemd: no linger' nshdoc
}

doctor_sees_wrong_order()
{
	with_module_first finds warn 'pam: sshd: .*pam_systemd comes after'
}

doctor_without_userns_of_users()
{
	finds warn 'kernel: kernel.unprivileged_userns_clone = 0' nshdoc
	finds warn 'namespaces: users cannot make them' nshdoc
	finds ok 'namespaces: a session as through the PAM module was made' nshdoc
}

doctor_without_any_userns()
{
	finds fail 'kernel: user.max_user_namespaces is 0' nshdoc
	finds fail 'namespaces: no session as through the PAM module' nshdoc
}

# By the timer alone, while others are looked at.
trial_begins()
{
	$ctl enable --try 60s nshtry
	shell_is nshtry $nsshell
	trial_timer_runs
}

trial_ends()
{
	wait_for shell_is nshtry /bin/bash
	wait_for trial_timer_is_gone
	journalctl --sync
	journalctl -q -o cat -t nsshellctl | grep 'action=expire result=done user="nshtry"'
}

trial_is_confirmed()
{
	$ctl enable --try 1h nshtry
	trial_timer_runs
	$ctl confirm nshtry
	trial_timer_is_gone
	shell_is nshtry $nsshell
	is_framed "$(ssh_as nshtry "$probe")"
	$ctl disable nshtry
	shell_is nshtry /bin/bash
}

# Also where the clock was set in the meantime.
trial_with_another_clock()
{
	$ctl enable --try 1h nshtry
	now=$(date +%s)
	date -s "@$((now + 86400))"
	$ctl expire
	shell_is nshtry $nsshell
	date -s "@$((now + 1))"
	$ctl disable nshtry
}

make_user nshdoc -s $nsshell
make_user nshtry
check trial-begins trial_begins
check doctor-content doctor_is_content
check doctor-limits doctor_tries_limits
check doctor-linger doctor_sees_linger
check doctor-order doctor_sees_wrong_order
check_on bookworm doctor-userns-clone-0 with_setting kernel.unprivileged_userns_clone=0 doctor_without_userns_of_users
check doctor-max-user-namespaces-0 with_setting user.max_user_namespaces=0 doctor_without_any_userns
check trial-ends trial_ends
check trial-confirmed trial_is_confirmed
check trial-clock trial_with_another_clock
