# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# nsshell, installed in the machine's own PAM stacks, and what several checks do with it.

nsshell=/usr/bin/nsshell
ctl=/usr/bin/nsshellctl
module=pam_nsshell.so
policies=/etc/nsshell
suite=${here:?}/nsshell

# PROBE of tests/system/lib_pam.py, and what it looks for.
probe=$(cat "$here/probe")
outside=/tmp/nsh-outside

# By what README.Debian says, and for cron by a line of its own.
install_nsshell()
{
	touch $outside
	groupadd nshadmins
	DEBIAN_FRONTEND=noninteractive apt-get -q install -y "$here"/nsshell_*.deb
	pam-auth-update --enable nsshell
	sed -i 's/exempt_group=adm/exempt_group=nshadmins/' /etc/pam.d/common-session
	echo "session required pam_nsshell.so exempt_group=nshadmins" >>/etc/pam.d/cron
	printf '[session]\nconfine = auto\n' >"$policies/nsshell.conf"
	install -m 600 ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
}

# with_stack SED-SCRIPT COMMAND [WORD...]: with the stack of logins, which has the module, changed like that.
with_stack()
{
	local stack=/etc/pam.d/common-session status=0
	cp -a $stack /run/pam-stack
	sed -i "$1" $stack
	bash -euxo pipefail -c '"$@"' with_stack "${@:2}" || status=$?
	cp -a /run/pam-stack $stack
	return $status
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
	with_stack '/pam_nsshell/d; 0,/^session/s//session required pam_nsshell.so\n&/' "$@"
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

# run_cron_job NAME SCRIPT: the real cron, at its start; what the job wrote into the home.
run_cron_job()
{
	echo "$2" >"/home/$1/job"
	echo "@reboot sh \$HOME/job >\$HOME/cron.new 2>&1; mv \$HOME/cron.new \$HOME/cron" |
		crontab -u "$1" -
	systemctl stop cron
	rm -f /run/crond.reboot "/home/$1/cron"
	systemctl start cron
	for _ in $(seq 150); do
		[ ! -e "/home/$1/cron" ] || break
		sleep 0.2
	done
	crontab -u "$1" -r
	cat "/home/$1/cron"
}

# with_setting NAME=VALUE COMMAND: with that sysctl, which is put back.
with_setting()
{
	name=${1%%=*}
	before=$(sysctl -n "$name")
	sysctl -qw "$1"
	status=0
	bash -euxo pipefail -c "${*:2}" || status=$?
	sysctl -qw "$name=$before"
	return $status
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
	fails systemctl is-active nsshell-expire.timer
	fails systemctl is-enabled nsshell-expire.timer
}
