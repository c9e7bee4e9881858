# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086
# nsshell on a machine with systemd: through the machine's own sshd, su, login and cron, in the stacks
# that Debian has, and where the kernel keeps user namespaces from its users.

set_up()
{
	groupadd nshteam
	make_user nshann -s $nsshell -G nshteam
	make_user nshben -s /bin/bash
	make_user nshadm -s /bin/bash -G nshadmins
	chmod 755 /home/*
	# Only a member of the exempt group can log in under this.
	printf '[session]\nconfine = yes\n' >$policies/users.d/nshadm.conf
}

# The session's PID 1 is nsshell, and the namespaces are not the machine's.
ssh_is_confined()
{
	is_framed "$(ssh_as nshann "$probe")"
	[ "$(ssh_as nshann 'cat /proc/1/comm')" = nsshell ]
	for name in user pid mnt uts ipc; do
		[ "$(ssh_as nshann "readlink /proc/self/ns/$name")" != "$(readlink /proc/self/ns/$name)" ]
	done
}

# The names of all groups, and not of nobody's.
groups_have_names()
{
	[ "$(ssh_as nshann id -Gn)" = "nshann nshteam" ]
}

ssh_of_others()
{
	ssh_as nshben test -e $outside
	ssh_as nshadm test -e $outside
	[ "$(ssh_as nshben 'ls /home' | wc -l)" -gt 1 ]
}

# sftp by sshd itself, which starts no shell.
internal_sftp_is_confined()
{
	sed -i 's,^Subsystem.*,Subsystem sftp internal-sftp,' /etc/ssh/sshd_config
	reload_sshd
	listed=$(echo 'ls -1 /home' | sftp -q -b - -o LogLevel=ERROR nshann@127.0.0.1 | grep -v '^sftp>')
	[ "$(basename "$listed")" = nshann ]
}

exit_codes()
{
	status=0
	ssh_as nshann 'exit 7' || status=$?
	[ $status = 7 ]
}

# logind registers the session although the module stands in the stack behind it.
logind_still_knows_logins()
{
	# shellcheck disable=SC2016 # for the user's shell
	ssh_as nshann 'echo $XDG_SESSION_ID >here.new; mv here.new here; while [ -e here ]; do sleep 0.2; done' &
	client=$!
	wait_for test -e /home/nshann/here
	grep -E '^[0-9]+$' /home/nshann/here
	[ "$(loginctl show-session "$(cat /home/nshann/here)" -P Name)" = nshann ]
	rm /home/nshann/here
	wait $client
}

# What programs in the session log arrives.
session_logs()
{
	ssh_as nshann 'logger -t nsh-inside from-the-session'
	journalctl --sync
	journalctl -q -b -o cat -t nsh-inside | grep -x from-the-session
}

# One line in the journal, with the fields that pam_nsshell(8) names.
journal_has_a_line()
{
	ssh_as nshann true
	journalctl --sync
	journalctl -q -o cat -t nsshell-session SYSLOG_FACILITY=10 | tail -n 1 | grep -E \
		'^session=[0-9a-f]{16} verdict=confine user="nshann" .* service="sshd" rhost="127.0.0.1" .* reason='
}

# ... and without a journal nothing is different.
works_without_a_journal()
{
	systemctl stop systemd-journald.socket systemd-journald-dev-log.socket \
		systemd-journald-audit.socket systemd-journald.service
	status=0
	is_framed "$(ssh_as nshann "$probe")" || status=$?
	systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service
	[ $status = 0 ]
}

su_is_confined()
{
	is_framed "$(su nshann -c "$probe")"
	is_framed "$(su - nshann -c "$probe")"
	[ "$(su - nshann -c 'cat /proc/1/comm')" = nsshell ]
	[ "$(su - nshadm -c "ls $outside")" = $outside ]
}

cron_is_confined()
{
	is_framed "$(run_cron_job nshann "$probe")"
	run_cron_job nshben "$probe" | grep 'sees /tmp'
}

cron_was_refused()
{
	journalctl --sync
	journalctl -q -o cat -t nsshell-session | grep 'verdict=deny user="nshann" .*service="cron"'
}

# A policy can refuse cron's jobs, and no one else's.
cron_is_refused()
{
	printf '[match]\nservice = cron\nuser = nshann\n[session]\nconfine = deny\n' \
		>$policies/match.d/10-cron.conf
	with_cron_job nshann "$probe" cron_was_refused
	is_framed "$(ssh_as nshann "$probe")"
	rm $policies/match.d/10-cron.conf
	[ ! -e /home/nshann/cron ]
}

# What is hidden below /proc stays so, and the session's own /proc can still be made.
hides_below_proc()
{
	printf '[view]\nhide = /proc/cmdline, /etc/hostname\n[security]\nnested_userns = yes\n' >$policies/users.d/nshann.conf
	output=$(ssh_as nshann 'cat /proc/cmdline /etc/hostname 2>&1; head -c 5 /proc/meminfo;
		unshare -Urpf --mount-proc cat /proc/cmdline 2>&1' || true)
	rm $policies/users.d/nshann.conf
	[[ $output != *root=* && $output == *MemTo* ]]
}

# The account's subordinate ids, and only with the policy's leave.
subids_can_be_used()
{
	fails ssh_as nshann unshare --map-auto --map-root-user true
	printf '[identity]\nsubids = yes\n[security]\nnested_userns = yes\n' >$policies/users.d/nshann.conf
	output=$(ssh_as nshann 'unshare --map-auto --map-root-user sh -c "
		touch /tmp/one; chown 5:6 /tmp/one; stat -c %u:%g /tmp/one"; stat -c %u /tmp/one')
	rm $policies/users.d/nshann.conf
	start=$(grep ^nshann: /etc/subuid | cut -d : -f 2)
	[ "$output" = "5:6
$((start + 4))" ]
}

# works_without_userns: users may not make user namespaces, neither outside nor inside, nsshell alone
# has to refuse, and through the module everything works.
works_without_userns()
{
	fails runuser -u nshben -- unshare -U --map-root-user cat /proc/self/uid_map
	fails runuser -u nshann -- $nsshell -c true
	is_framed "$(ssh_as nshann "$probe")"
	[ "$(ssh_as nshann 'cat /proc/1/comm; id -Gn')" = "nsshell
nshann nshteam" ]
	fails ssh_as nshann unshare -U --map-root-user --mount true
}

# With no user namespace at all there is no session, but for root and the exempt group.
refuses_without_any_userns()
{
	status=0
	ssh_as nshann true || status=$?
	[ $status = 254 ]
	ssh_as nshadm test -e $outside
	ssh_as root test -e $outside
}

let_root_in()
{
	install -m 600 ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
	echo 'PermitRootLogin prohibit-password' >>/etc/ssh/sshd_config
	reload_sshd
	ssh_as root test -e $outside
}

set_up >/dev/null
check ssh-confined ssh_is_confined
check ssh-groups groups_have_names
check_on bookworm ssh-others ssh_of_others
check ssh-exit exit_codes
check sftp-internal internal_sftp_is_confined
check logind-sessions logind_still_knows_logins
check session-logs session_logs
check journal journal_has_a_line
check su su_is_confined
check cron-frame cron_is_confined
check cron-denied cron_is_refused
check hide-proc hides_below_proc
check subids subids_can_be_used
check_on bookworm userns-clone-0 with_setting kernel.unprivileged_userns_clone=0 works_without_userns
check_on bookworm root-login let_root_in
check_on bookworm max-user-namespaces-0 with_setting user.max_user_namespaces=0 refuses_without_any_userns
# Last: what a check writes goes to the journal too, and is lost when that was away.
check_on bookworm journal-stopped works_without_a_journal
