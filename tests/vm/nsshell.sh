# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2086
# nsshell, installed in the machine's own PAM stacks, and what several checks do with it.

nsshell=/usr/bin/nsshell
ctl=/usr/bin/nsshellctl
module=pam_nsshell.so
policies=/etc/nsshell
suite=${here:?}/nsshell

# PROBE of tests/system/lib_pam.py, and what it looks for.
probe=$(cat "$here/probe")
outside=/tmp/nsh-outside

# By what README.Debian says, and for cron by a line of its own. Without KVM the helper is slow, too.
install_nsshell()
{
	touch $outside
	groupadd nshadmins
	DEBIAN_FRONTEND=noninteractive apt-get -q install -y "$here"/nsshell_*.deb
	pam-auth-update --enable nsshell
	sed -i 's/exempt_group=adm/exempt_group=nshadmins timeout=60/' /etc/pam.d/common-session
	echo "session required pam_nsshell.so exempt_group=nshadmins timeout=60" >>/etc/pam.d/cron
	printf '[session]\nconfine = auto\n' >"$policies/nsshell.conf"
	install -m 600 ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
}

# and_then LINE COMMAND [WORD...]: COMMAND as check runs it, and then, however it ended, LINE, which undoes something.
and_then()
{
	local status=0
	bash -euxo pipefail -c '"$@"' and_then "${@:2}" || status=$?
	eval "$1"
	return $status
}

# with_stack SED-SCRIPT COMMAND [WORD...]: with the stack of logins, which has the module, changed like that.
with_stack()
{
	local stack=/etc/pam.d/common-session
	cp -a $stack /run/pam-stack
	sed -i "$1" $stack
	and_then "cp -a /run/pam-stack $stack" "${@:2}"
}

# With a session line more, before the module or behind it; and with the module before pam_systemd, as it must not be.
with_line_before()
{
	with_stack "/pam_nsshell/i session $1" "${@:2}"
}

with_line_behind()
{
	with_stack "/pam_nsshell/a session $1" "${@:2}"
}

with_module_first()
{
	with_stack '/pam_nsshell/d; 0,/^session/s//session required pam_nsshell.so timeout=60\n&/' "$@"
}

# set_policy NAME TEXT: a user's own; without TEXT there is none any more.
set_policy()
{
	rm -f "$policies/users.d/$1.conf"
	[ -z "${2-}" ] || printf '%b\n' "$2" >"$policies/users.d/$1.conf"
}

# reload_sshd: and wait until the new one listens.
reload_sshd()
{
	systemctl reload ssh
	for _ in $(seq 150); do
		! ssh_as vmalice true || return 0
		sleep 0.2
	done
	return 1
}

# is_framed TEXT: what the probe said.
is_framed()
{
	[ "$1" = framed ]
}

# with_cron_job NAME SCRIPT COMMAND...: the real cron, at its start; COMMAND waits for what comes of the job, which writes
# the file "cron" in the home when it has run.
with_cron_job()
{
	echo "$2" >"/home/$1/job"
	echo "@reboot sh \$HOME/job >\$HOME/cron.new 2>&1; mv \$HOME/cron.new \$HOME/cron" |
		crontab -u "$1" -
	systemctl stop cron
	rm -f /run/crond.reboot "/home/$1/cron"
	systemctl start cron
	wait_for "${@:3}"
	crontab -u "$1" -r
}

# run_cron_job NAME SCRIPT: what the job wrote.
run_cron_job()
{
	with_cron_job "$1" "$2" test -e "/home/$1/cron"
	cat "/home/$1/cron"
}

# with_setting NAME=VALUE COMMAND [WORD...]: with that sysctl, which is put back.
with_setting()
{
	local name=${1%%=*} before
	before=$(sysctl -n "$name")
	sysctl -qw "$1"
	and_then "sysctl -qw $name=$before" "${@:2}"
}

# finds LEVEL TEXT [USER]: the doctor has a line of that level with the text.
finds()
{
	$ctl doctor ${3-} >/run/doctor || true
	grep -E "^$1 +$2" /run/doctor
}

# home_of NAME
home_of()
{
	getent passwd "$1" | cut -d : -f 6
}

# is_away NAME: logind has seen the last of the user; ten seconds after the last login, where it is not told otherwise.
is_away()
{
	loginctl list-users --no-legend >/run/users || return 1
	fails grep -w "$1" /run/users
}

# systemd has no scope of nsshell's any more.
has_no_scopes()
{
	systemctl list-units --all --plain --no-legend 'nsshell-*.scope' >/run/scopes && [ ! -s /run/scopes ]
}

# alone NAME COMMAND [WORD...]: a session without the module, with all of the account's groups; started by these words.
alone()
{
	(cd / && setpriv --reuid="$1" --regid="$(id -g "$1")" --init-groups env HOME="$(home_of "$1")" "${@:3}" \
		"$nsshell" -c "$2")
}

# shell_is NAME PATH: the login shell of a user.
shell_is()
{
	[ "$(getent passwd "$1" | cut -d : -f 7)" = "$2" ]
}

# A trial of a login shell goes on, and the timer that ends it, or there is none and it does not run.
trial_timer_runs()
{
	systemctl is-active nsshell-expire.timer
	systemctl is-enabled nsshell-expire.timer
}

trial_timer_is_gone()
{
	fails systemctl is-active nsshell-expire.timer && fails systemctl is-enabled nsshell-expire.timer
}
