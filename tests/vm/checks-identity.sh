# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086,SC2016
# Users and groups that are in no file: SSSD in front of a slapd of this machine. nsshell is linked statically and asks
# getent(1) for them, the module and nsshellctl ask the name service themselves.

server=/run/nsh-ldap
members=300

# person NAME UID SHELL: an entry for slapd. The key for ssh is in it, as not everybody has a home yet.
person()
{
	cat <<-END

		dn: uid=$1,dc=nsh
		objectClass: inetOrgPerson
		objectClass: posixAccount
		uid: $1
		cn: $1
		sn: $1
		uidNumber: $2
		gidNumber: 7000
		homeDirectory: /home/$1
		loginShell: $3
		description: $(cat ~/.ssh/id_ed25519.pub)
	END
}

# group NAME GID MEMBER...: members are the first parts of names of entries.
group()
{
	printf '\ndn: cn=%s,dc=nsh\nobjectClass: nshGroup\ncn: %s\ngidNumber: %s\n' "$1" "$1" "$2"
	printf 'member: %s,dc=nsh\n' "${@:3}"
}

entries()
{
	printf 'dn: dc=nsh\nobjectClass: domain\ndc: nsh\n'
	person nslann 7001 $nsshell
	person nslben 7002 $nsshell
	person nslnew 7003 $nsshell
	person nslbas 7004 /bin/bash
	for i in $(seq $members); do
		person nslm$i $((8000 + i)) /bin/bash
	done
	group nslusers 7000 uid=nslnew
	group nslteam 7010 uid=nslann
	group nslinner 7011 uid=nslann
	group nslouter 7012 cn=nslinner
	group 'nsl staff' 7013 uid=nslben
	group nslmany 7014 uid=nslann $(seq -f uid=nslm%g $members)
	group nslguard 7015 uid=nslbas uid=nslloc
	person nslloc 7005 $nsshell
}

configure_slapd()
{
	mkdir -p $server/data
	cat >$server/slapd.conf <<-END
		include /etc/ldap/schema/core.schema
		include /etc/ldap/schema/cosine.schema
		include /etc/ldap/schema/nis.schema
		include /etc/ldap/schema/inetorgperson.schema
		objectclass ( 1.3.6.1.4.1.99999.1 NAME 'nshGroup' SUP top STRUCTURAL MUST ( cn $ gidNumber ) MAY member )
		modulepath /usr/lib/ldap
		moduleload back_mdb
		database mdb
		suffix "dc=nsh"
		directory $server/data
		index objectClass,uid,uidNumber,gidNumber,cn,member eq
	END
	entries >$server/entries
	slapadd -q -f $server/slapd.conf -l $server/entries
}

configure_sssd()
{
	cat >/etc/sssd/sssd.conf <<-END
		[sssd]
		domains = nsh
		services = nss, pam, ssh
		[domain/nsh]
		id_provider = ldap
		auth_provider = none
		access_provider = permit
		ldap_uri = ldap://127.0.0.1
		ldap_id_use_start_tls = false
		ldap_search_base = dc=nsh
		ldap_schema = rfc2307bis
		ldap_group_object_class = nshGroup
		ldap_user_ssh_public_key = description
	END
	chmod 600 /etc/sssd/sssd.conf
}

start_slapd()
{
	systemd-run -q --collect --unit nsh-ldap /usr/sbin/slapd -d 0 -f $server/slapd.conf -h ldap://127.0.0.1/
	wait_for bash -c ': </dev/tcp/127.0.0.1/389'
}

# Without the answers that it has from before.
start_sssd_anew()
{
	systemctl stop sssd
	rm -f /var/lib/sss/db/* /var/lib/sss/mc/*
	systemctl start sssd
}

# Only nslann and nslben have homes.
set_up()
{
	# In a file, and in a group that is in none.
	useradd -m -u 7005 -s $nsshell nslloc
	configure_slapd
	configure_sssd
	start_slapd
	start_sssd_anew
	wait_for getent passwd nslann
	printf 'AuthorizedKeysCommand /usr/bin/sss_ssh_authorizedkeys %%u\nAuthorizedKeysCommandUser root\n' \
		>/etc/ssh/sshd_config.d/nsshell-ldap.conf
	reload_sshd
	for name in nslann nslben nslbas; do
		install -d -m 700 -o $name -g nslusers /home/$name
		install -m 600 -o $name -g nslusers /dev/null /home/$name/.hushlogin
	done
}

is_in_no_file()
{
	fails grep -rE '^(nsl(ann|ben|new|team|outer)|nsl staff):' /etc/passwd /etc/group
	[ "$(ssh_as nslbas 'echo $0')" = bash ]
}

user_is_confined()
{
	is_framed "$(ssh_as nslann "$probe")"
	[ "$(ssh_as nslann 'cat /proc/1/comm; id -un; hostname; pwd; ls /home')" = "nsshell
nslann
nslann-nsshell-vm
/home/nslann
nslann" ]
	[ "$(ssh_as nslann 'id -Gn' | tr ' ' '\n' | sort | paste -sd ' ')" = 'nslinner nslmany nslouter nslteam nslusers' ]
	[ "$(echo 'ls -1 /home' | sftp -q -b - nslann@127.0.0.1 | grep -v '^sftp>' | xargs -n 1 basename)" = nslann ]
	[ "$(su - nslben -c 'id -un; id -Gn')" = "nslben
nslusers nsl staff" ]
}

# Also through another group, in one with a blank, and in one with many members.
groups_decide()
{
	printf '[match]\ngroup = nslouter\n[session]\nhostname = outer-%%g\n' >$policies/match.d/10-outer.conf
	printf '[match]\ngroup = nsl staff\n[session]\nhostname = staff-%%u\n' >$policies/match.d/11-staff.conf
	printf '[match]\ngroup = nslmany, !nslteam\n[session]\nhostname = many\n' >$policies/match.d/12-many.conf
	printf '[match]\ngroup = nslmany\n[limits]\nnofile = 200\n' >$policies/match.d/13-many.conf
	printf '[match]\ngroup = nslmissing\n[session]\nconfine = deny\n' >$policies/match.d/14-missing.conf
	[ "$(ssh_as nslann 'hostname; ulimit -n')" = "outer-nslusers
200" ]
	[ "$(ssh_as nslben 'hostname; ulimit -n')" = "staff-nslben
1024" ]
}

# The machine's rules for users by name hold for these too.
users_have_policies()
{
	set_policy nslann '[session]\nhostname = own-%u\n[env]\nset = OWN=yes'
	[ "$(ssh_as nslann 'hostname; echo $OWN')" = "own-nslann
yes" ]
	$ctl show nslann | grep -E '^session.hostname +users.d/nslann.conf:2 +own-%u'
	set_policy nslann
	$ctl show nslann | grep -E '^host name +outer-nslusers'
	fails $ctl check >/run/check
	[ "$(grep -c warning: /run/check)" = 2 ]
	grep 'there is no group "nslmissing"' /run/check
}

ctl_has_names()
{
	ssh_as nslann 'touch here; while [ -e here ]; do sleep 0.2; done' &
	client=$!
	wait_for test -e /home/nslann/here
	$ctl list | grep -E '^[0-9a-f]+ +nslann '
	rm /home/nslann/here
	wait $client
	set_policy nslben '[session]\nconfine = deny'
	output=$(fails ssh_as nslben true 2>&1)
	set_policy nslben
	incident=$(sed -n 's/.*\[incident \([0-9a-f]*\)\].*/\1/p' <<<"$output")
	journalctl --sync
	$ctl why $incident | grep -E '^  who +nslben'
}

standalone_finds_users()
{
	[ "$(alone nslann 'id -un; hostname; ls /home')" = "nslann
outer-nslusers
nslann" ]
}

# At the first login, by pam_mkhomedir before the module.
home_is_made()
{
	output=$(with_line_before 'required pam_mkhomedir.so' \
		ssh_as nslnew 'pwd; ls -A | grep -x .profile; touch mine; stat -c %U . mine')
	[[ $output == *"/home/nslnew
.profile
nslnew
nslnew" ]]
}

# What is known stays known; who is not known has no session, in either form.
server_is_down()
{
	systemctl stop nsh-ldap
	[ "$(ssh_as nslann hostname)" = outer-nslusers ]
	start_sssd_anew
	fails ssh_as nslann true
	fails su - nslann -c true
	status=0
	output=$(cd / && setpriv --reuid=7001 --regid=7000 --groups=7010 $nsshell -c true 2>&1) || status=$?
	[ $status = 125 ]
	[[ $output == *"this account cannot be settled: no account has user id 7001 [incident "* ]]
}

is_in_group()
{
	id -Gn "$1" | grep -w "$2"
}

# Nobody can tell then that a user of the machine's own is in a group of the server's. See pam_nsshell(8).
server_is_down_for_groups()
{
	# They name groups that take long to ask for, within the time that the helper has.
	rm -f $policies/match.d/1[0-4]-*.conf
	printf '[match]\ngroup = nslguard\n[session]\nhostname = guard\n' >$policies/match.d/15-guard.conf
	install -d -m 700 -o nslloc -g nslloc /home/nslloc/.ssh
	install -m 600 -o nslloc -g nslloc ~/.ssh/id_ed25519.pub /home/nslloc/.ssh/authorized_keys
	is_framed "$(ssh_as nslloc "$probe")"
	[ "$(ssh_as nslloc 'hostname; id -Gn')" = "nslloc-nsshell-vm
nslloc" ]
	start_slapd
	start_sssd_anew
	# It has forgotten all, and what it has to ask for first takes long here.
	wait_for is_in_group nslloc nslguard
	[ "$(ssh_as nslloc 'hostname; id -Gn')" = "guard
nslloc nslguard" ]
}

clean_up()
{
	rm -f $policies/match.d/1?-*.conf /etc/ssh/sshd_config.d/nsshell-ldap.conf
	systemctl stop sssd nsh-ldap
	reload_sshd
}

start=$(cut -d . -f 1 /proc/uptime)
set_up >/dev/null
check ldap-in-no-file is_in_no_file
check ldap-confined user_is_confined
check ldap-groups groups_decide
check ldap-policies users_have_policies
check ldap-ctl ctl_has_names
check ldap-standalone standalone_finds_users
check ldap-home-made home_is_made
check ldap-down server_is_down
check ldap-down-groups server_is_down_for_groups
clean_up
note "slapd and SSSD: $(($(cut -d . -f 1 /proc/uptime) - start)) s"
