# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086,SC2016
# systemd --user beside a session: what leads to it, and what it starts, without the module in its PAM stack and with it.

# A unit of the user's own: written in the session, started outside of it with the next login.
unit='mkdir -p ~/.config/systemd/user/default.target.wants
cd ~/.config/systemd/user
printf "[Service]\nType=oneshot\nExecStart=/bin/sh %%h/probe\n" >nsh.service
ln -sf ../nsh.service default.target.wants/'

# run_unit NAME: what of /tmp and of others' homes the unit saw when systemd started it at a login of the user's.
run_unit()
{
	ssh_as $1 "$unit"
	echo "{ ls $outside; ls /home | grep -vx $1; } >~/seen.new 2>&1; mv ~/seen.new ~/seen" >/home/$1/probe
	# logind ends the manager, and so starts all of it again. What is said of that is not the unit's.
	wait_for is_away $1 >&2
	rm -f /home/$1/seen
	ssh_as $1 'while [ ! -e seen ]; do sleep 0.2; done'
	cat /home/$1/seen
	wait_for is_away $1 >&2
}

# Neither over its own socket, nor over the machine's bus.
manager_is_out_of_reach()
{
	systemctl start "user@$(id -u nshmgr)"
	[ -S "/run/user/$(id -u nshmgr)/systemd/private" ]
	[ "$(ssh_as nshmgr 'ls $XDG_RUNTIME_DIR; for one in "systemctl --user start default.target" \
		"systemd-run --user -q true" "systemd-run --user -M $(id -un)@ -q true" "systemd-run -q true" \
		"loginctl enable-linger"; do timeout 20 $one 2>/dev/null || echo refused; done')" = 'refused
refused
refused
refused
refused' ]
	[ ! -e /var/lib/systemd/linger/nshmgr ]
}

# A file of the user's is a way all the same: it is read outside, at the next login. pam_nsshell(8) says so.
manager_is_outside()
{
	run_unit nshmgr >/run/seen
	grep -x $outside /run/seen
	grep -x nshfre /run/seen
	finds ok 'pam: systemd-user: what systemd --user starts is outside' nshmgr
}

# Then its processes stand in a frame, and what a session has is another.
manager_is_framed()
{
	[ "$(run_unit nshmgr)" = "ls: cannot access '$outside': No such file or directory" ]
	systemctl start "user@$(id -u nshmgr)"
	manager=$(systemctl show "user@$(id -u nshmgr)" -P MainPID)
	[ "$(readlink /proc/$manager/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]
	[ -S "/proc/$manager/root/run/user/$(id -u nshmgr)/systemd/private" ]
	finds ok 'pam: systemd-user: has the module' nshmgr
	systemctl stop "user@$(id -u nshmgr)"
	# Those that are not confined have theirs as ever.
	run_unit nshfre | grep -x $outside
}

# Limits of a login would move it out of its control group: there is a login then, and no manager.
manager_is_refused_with_limits()
{
	systemctl stop "user@$(id -u nshmgr)"
	set_policy nshmgr '[limits]\ntasks_max = 64'
	status=0
	[ "$(ssh_as nshmgr 'echo works')" = works ] || status=1
	fails systemctl is-active "user@$(id -u nshmgr)" || status=1
	set_policy nshmgr
	systemctl reset-failed
	return $status
}

# with_module COMMAND: and with the module in its stack, which a newer Debian has elsewhere.
with_module()
{
	stack=/etc/pam.d/systemd-user
	[ ! -e $stack ] || cp -a $stack /run/systemd-user
	[ -e $stack ] || cp /usr/lib/pam.d/systemd-user $stack
	echo "session required $module exempt_group=nshadmins timeout=60" >>$stack
	and_then "rm $stack; [ ! -e /run/systemd-user ] || cp -a /run/systemd-user $stack" "$1"
}

make_user nshmgr -s $nsshell
make_user nshfre
check manager-reach manager_is_out_of_reach
check manager-outside manager_is_outside
check manager-framed with_module manager_is_framed
check manager-limits with_module manager_is_refused_with_limits
