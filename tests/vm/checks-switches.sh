# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086,SC2016
# User namespaces switched off, by each switch that there is: a login through the module has its session, or a refusal
# that names the switch; nsshell alone refuses, and names it too.

# first_alone [WORD...]: PID 1 of a session without the module.
first_alone()
{
	alone nshswi 'cat /proc/1/comm' "$@"
}

# refuses_alone TEXT [WRAPPER...]
refuses_alone()
{
	status=0
	output=$(first_alone "${@:2}" 2>&1) || status=$?
	[ $status = 125 ]
	[[ $output == *"nsshell: no session: "*"$1"*" [incident "* ]]
}

through_module()
{
	is_framed "$(ssh_as nshswi "$probe")"
	[ "$(ssh_as nshswi 'cat /proc/1/comm')" = nsshell ]
}

for_users()
{
	refuses_alone 'namespaces are switched off (sysctl kernel.unprivileged_userns_clone = 0)'
	through_module
	finds warn 'kernel: kernel.unprivileged_userns_clone = 0' nshswi
	finds warn 'namespaces: .*sysctl kernel.unprivileged_userns_clone = 0' nshswi
}

refuses_ssh()
{
	status=0
	output=$(ssh_as nshswi true 2>&1) || status=$?
	[ $status != 0 ]
	[[ $output == *"nsshell: no session: "*" [incident "* ]]
}

for_all()
{
	refuses_alone "namespaces are switched off (sysctl user.max_$1_namespaces = 0)"
	refuses_ssh
	finds fail "kernel: user.max_$1_namespaces is 0" nshswi
	finds fail 'namespaces: no session as through the PAM module' nshswi
}

# The log of it says why, beside the sentence for the user.
for_all_in_log()
{
	fails ssh_as nshswi true
	journalctl --sync
	journalctl -q -o cat -t nsshell-session | tail -n 1 | grep 'kind=namespaces .*user.max_user_namespaces'
}

# No switch for namespaces, but what makes them as the user could be traced by that one.
while_ids_can_be_traced()
{
	[ "$(first_alone)" = nsshell ]
	refuses_ssh
	finds warn 'kernel: fs.suid_dumpable = 1' nshswi
	finds fail 'namespaces: no session as through the PAM module.*fs.suid_dumpable' nshswi
}

# caged RULE...: a profile without "userns,".
caged()
{
	cat <<-END
		abi <abi/4.0>,
		profile nsh-caged flags=(attach_disconnected) {
		  capability, network, mount, remount, umount, pivot_root, signal, ptrace, unix, dbus, mqueue,
		  $*
		}
	END
}

# with_profile TEXT COMMAND...: put into the kernel, and taken out again.
with_profile()
{
	echo "$1" | apparmor_parser -r
	and_then "apparmor_parser -R <<<${1@Q}" "${@:2}"
}

is_not_granted()
{
	refuses_alone 'an AppArmor profile without "userns,"' aa-exec -p nsh-caged -- sh -c 'exec "$@"' sh
}

# What the module made needs no leave of the profile's that nsshell runs under.
needs_no_grant()
{
	refuses_alone 'an AppArmor profile without "userns,"'
	through_module
	[ "$(ssh_as nshswi 'cat /proc/self/attr/current')" = 'nsh-caged (enforce)' ]
}

# The profile that we ship, for a nsshell that is started by what may make none.
is_granted()
{
	[ "$(first_alone)" = nsshell ]
	[ "$(first_alone aa-exec -p nsh-caged -- sh -c 'exec "$@"' sh)" = nsshell ]
	through_module
	[ "$(ssh_as nshswi 'cat /proc/self/attr/current')" = 'nsshell (unconfined)' ]
	finds ok 'apparmor: on, with no profile' nshswi
}

granted_by_profile()
{
	with_profile "$(caged "file, $nsshell px,")" is_granted
}

make_user nshswi -s $nsshell
check switch-clone with_setting kernel.unprivileged_userns_clone=0 for_users
check switch-max-user with_setting user.max_user_namespaces=0 for_all user
check switch-max-mnt with_setting user.max_mnt_namespaces=0 for_all mnt
check switch-max-pid with_setting user.max_pid_namespaces=0 for_all pid
check switch-max-uts with_setting user.max_uts_namespaces=0 for_all uts
check switch-max-ipc with_setting user.max_ipc_namespaces=0 for_all ipc
check switch-max-cgroup with_setting user.max_cgroup_namespaces=0 for_all cgroup
check switch-log with_setting user.max_user_namespaces=0 for_all_in_log
check switch-dumpable with_setting fs.suid_dumpable=1 while_ids_can_be_traced
# The package's own is loaded where AppArmor understands it, and out of the way of the others.
check_on trixie switch-apparmor-package grep -x 'nsshell (unconfined)' /sys/kernel/security/apparmor/profiles
[ "$release" != trixie ] || apparmor_parser -R /etc/apparmor.d/nsshell
check_on trixie switch-apparmor with_profile "$(caged file,)" is_not_granted
check_on trixie switch-apparmor-module with_profile "$(caged file, | sed "s,nsh-caged,& $nsshell,")" needs_no_grant
check_on trixie switch-apparmor-shipped with_profile "$(cat /etc/apparmor.d/nsshell)" granted_by_profile
[ "$release" != trixie ] || apparmor_parser -r /etc/apparmor.d/nsshell
