# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086,SC2016
# Other PAM modules beside ours, before it and behind it: what pam_nsshell(8) says of them.

# At the first login.
home_is_made()
{
	[ "$(su nshnew -c 'cd; pwd; ls -A | grep -x .profile; touch mine; stat -c "%U %n" . mine')" = '/home/nshnew
.profile
nshnew .
nshnew mine' ]
	[ -e /home/nshnew/mine ]
}

# The frame has nobody's home then, and no place for one: no login, and no home that only the frame has.
home_is_not_made()
{
	status=0
	su nshlate -c true || status=$?
	[ $status = 1 ]
	[ ! -e /home/nshlate ]
	journalctl --sync
	journalctl -q -b -o cat -n 1000 | grep 'PAM unable to create directory /home/nshlate: Read-only file system'
}

limits()
{
	set_policy nshlim "${1-}"
	ssh_as nshlim 'ulimit -Hn; ulimit -Sn; ulimit -Hu; nice' | paste -sd ' '
}

# limits.conf(5) holds, and of two limits the lower one.
limits_hold()
{
	printf 'nshlim hard nofile 500\nnshlim soft nofile 400\nnshlim hard nproc 90\nnshlim - priority 5\n' \
		>/etc/security/limits.d/nsshell.conf
	[ "$(limits)" = "500 400 90 5" ]
	[ "$(su - nshlim -c 'ulimit -Hn')" = 500 ]
	[ "$(run_cron_job nshlim 'ulimit -Hn')" = 500 ]
	[ "$(limits '[limits]\nnofile = 300\nnproc = 40')" = "300 300 40 5" ]
	[ "$(limits '[limits]\nnofile = 900\nnproc = 200')" = "500 400 90 5" ]
	rm /etc/security/limits.d/nsshell.conf
	set_policy nshlim
}

# poly NAME: what the user has in /tmp, in a session and by sftp, after leaving something there.
poly()
{
	is_framed "$(ssh_as nshpol "$probe")"
	ssh_as nshpol "touch /tmp/$1; ls /tmp | paste -sd ' '"
	echo 'ls -1 /tmp' | sftp -q -b - nshpol@127.0.0.1 | sed '/^sftp>/d; s,.*/,,' | paste -sd ' '
	find /var/nsh-inst/nshpol -mindepth 1 -printf '%f\n' | sort | paste -sd ' '
}

# In its place, the session's own.
namespace_before()
{
	set_policy nshpol
	[ "$(poly one)" = one ]
	# The user's, which stays.
	set_policy nshpol '[view]\ntmp = host'
	[ "$(poly two)" = $'two\ntwo\ntwo' ]
}

# The user's, which stays; the rest of what is private is the session's still.
namespace_behind()
{
	set_policy nshpol
	[ "$(poly three)" = $'three two\nthree two\nthree two' ]
	[ "$(ssh_as nshpol 'findmnt -n -o FSTYPE /var/tmp')" = tmpfs ]
	set_policy nshpol '[view]\ntmp = host'
	[ "$(poly four)" = $'four three two\nfour three two\nfour three two' ]
	set_policy nshpol
}

# pam_systemd's session has a folder at run time, of the session's own, and ends.
systemd_has_session()
{
	id=$(id -u nshlim)
	ssh_as nshlim 'echo $XDG_SESSION_ID $XDG_RUNTIME_DIR; touch $XDG_RUNTIME_DIR/mine && ls $XDG_RUNTIME_DIR
		touch here; while [ -e here ]; do sleep 0.2; done' >/run/said &
	client=$!
	wait_for test -e /home/nshlim/here
	wait_for grep -x mine /run/said
	read -r number folder </run/said
	[ $folder = /run/user/$id ]
	[ "$(tail -n +2 /run/said)" = mine ]
	[ ! -e $folder/mine ]
	[ "$(loginctl show-session $number -P Name -P Service -P Remote | paste -sd ' ')" = "nshlim yes sshd" ] ||
		[ "$(loginctl show-session $number -P Name)" = nshlim ]
	loginctl list-sessions --no-legend | grep -E "^ *$number +$id +nshlim"
	rm /home/nshlim/here
	wait $client
	wait_for fails loginctl show-session $number
}

set_up()
{
	mkdir -m 000 /var/nsh-inst
	printf '/tmp /var/nsh-inst/ user root\n' >/etc/security/namespace.conf
	useradd -M -s $nsshell nshnew
	useradd -M -s $nsshell nshlate
	make_user nshlim -s $nsshell
	make_user nshpol -s $nsshell
}

set_up >/dev/null
check mkhomedir-before with_line_before 'required pam_mkhomedir.so' home_is_made
check mkhomedir-behind with_line_behind 'required pam_mkhomedir.so' home_is_not_made
check pam-limits limits_hold
check pam-namespace-before with_line_before 'required pam_namespace.so' namespace_before
check pam-namespace-behind with_line_behind 'required pam_namespace.so' namespace_behind
check pam-systemd systemd_has_session
rm /etc/security/namespace.conf
