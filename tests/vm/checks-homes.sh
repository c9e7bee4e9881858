# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086,SC2016
# Homes that are on a server: root cannot read them (root_squash), and autofs mounts them when somebody comes and takes
# them away when nobody is there. The server is this machine.

export_folder=/srv/nsh

# make_remote_user NAME HOME
make_remote_user()
{
	useradd -M -d $2 -s $nsshell $1
	install -d -m 700 -o $1 -g $1 $export_folder/$1 $export_folder/$1/.ssh
	install -m 600 -o $1 -g $1 ~/.ssh/id_ed25519.pub $export_folder/$1/.ssh/authorized_keys
	install -m 600 -o $1 -g $1 /dev/null $export_folder/$1/.hushlogin
	echo "of $1" >$export_folder/$1/file
	chmod 600 $export_folder/$1/file
	chown $1: $export_folder/$1/file
}

set_up()
{
	mkdir -p $export_folder /nfshome /autohome /autodir
	echo "$export_folder 127.0.0.1(rw,root_squash,no_subtree_check,fsid=0)" >/etc/exports
	mkdir -p /etc/nfs.conf.d
	printf '[nfsd]\nvers3=n\nthreads=2\n' >/etc/nfs.conf.d/nsshell.conf
	make_remote_user nshnfs /nfshome/nshnfs
	make_remote_user nshoth /nfshome/nshoth
	make_remote_user nshaut /autohome/nshaut
	make_remote_user nshdir /autodir/nshdir
	systemctl start nfs-server
	mount -t nfs4 127.0.0.1:/ /nfshome
	printf '/autohome /etc/auto.nsh --timeout=2\n/- /etc/auto.nsh-direct --timeout=2\n' >/etc/auto.master
	echo '* -fstype=nfs4 127.0.0.1:/&' >/etc/auto.nsh
	echo '/autodir/nshdir -fstype=nfs4 127.0.0.1:/nshdir' >/etc/auto.nsh-direct
	systemctl start autofs
	cp -a $policies/nsshell.conf /run/nsshell.conf
	printf '[view]\nhomes = /home, /nfshome, /autohome, /autodir\n' >>$policies/nsshell.conf
}

look='cd; pwd; cat file; ls /nfshome; rm -f mine; touch mine; ls'

sees_own_home()
{
	fails ls /nfshome/nshnfs
	expected='/nfshome/nshnfs
of nshnfs
nshnfs
file
mine'
	[ "$(ssh_as nshnfs "$look")" = "$expected" ]
	[ "$(su - nshnfs -c "$look")" = "$expected" ]
	[ "$(alone nshnfs "$look")" = "$expected" ]
	printf 'ls -1 /nfshome\nget file /run/got\n' | sftp -q -b - nshnfs@127.0.0.1 |
		sed '/^sftp>/d' | grep -x '/nfshome/nshnfs'
	grep -x 'of nshnfs' /run/got
	[ "$(stat -c %U $export_folder/nshnfs/mine)" = nshnfs ]
}

# The machine that has the server has sessions, too: /proc/fs/nfsd is a mount that covers nothing.
server_has_sessions()
{
	grep ' /proc/fs/nfsd ' /proc/self/mountinfo
	$ctl doctor nshnfs >/run/doctor || true
	grep -E '^ok +proc: nothing covers a part of /proc' /run/doctor
	grep -E '^ok +namespaces: a session as through the PAM module was made for nshnfs' /run/doctor
}

home_can_be_ephemeral()
{
	set_policy nshnfs '[view]\nhome = ephemeral'
	[ "$(ssh_as nshnfs 'cat file; echo new >file; cat file; mkdir new; ls')" = 'of nshnfs
new
file
mine
new' ]
	grep -x 'of nshnfs' $export_folder/nshnfs/file
	[ ! -e $export_folder/nshnfs/new ]
	set_policy nshnfs
}

rest_can_be_read_only()
{
	set_policy nshnfs '[view]\nread_only = system'
	[ "$(ssh_as nshnfs 'cat file; echo wrote >mine; cat mine; ! touch /nfshome/new 2>&1')" = "of nshnfs
wrote
touch: cannot touch '/nfshome/new': Read-only file system" ]
	set_policy nshnfs
}

is_not_mounted()
{
	fails grep " $1 nfs4 " /proc/mounts
}

# Whatever asks for it first, nsshell among it; and it does not go while it is used, or comes back.
is_mounted_for_login()
{
	home=$(home_of $1)
	wait_for is_not_mounted $home
	[ "$(su $1 -c 'cat ~/file; ls /autohome /autodir | grep nsh')" = "of $1
$1" ]
	wait_for is_not_mounted $home
	[ "$(alone $1 'cat ~/file; ls /autohome /autodir | grep nsh')" = "of $1
$1" ]
	wait_for is_not_mounted $home
	set_policy $1 '[view]\nread_only = system'
	[ "$(ssh_as $1 'cat file; echo wrote >mine; cat mine')" = "of $1
wrote" ]
	set_policy $1
}

stays_for_session()
{
	[ "$(ssh_as $1 'cat file; sleep 6; cat file; echo wrote >mine; cd /; sleep 6; cat ~/mine')" = "of $1
of $1
wrote" ]
	[ "$(cat $export_folder/$1/mine)" = wrote ]
}

# Side by side, as most of it is waiting.
stay_for_sessions()
{
	stays_for_session nshaut &
	other=$!
	stays_for_session nshdir
	wait $other
}

clean_up()
{
	cp -a /run/nsshell.conf $policies/nsshell.conf
	systemctl stop autofs
	umount /nfshome
	systemctl stop nfs-server
	umount /proc/fs/nfsd
	rm -f /etc/auto.master /etc/auto.nsh /etc/auto.nsh-direct /etc/exports
}

start=$(cut -d . -f 1 /proc/uptime)
set_up >/dev/null
check nfs-home sees_own_home
check nfs-server server_has_sessions
check nfs-ephemeral home_can_be_ephemeral
check nfs-read-only rest_can_be_read_only
check autofs-indirect is_mounted_for_login nshaut
check autofs-direct is_mounted_for_login nshdir
check autofs-expiry stay_for_sessions
clean_up
note "homes of a server: $(($(cut -d . -f 1 /proc/uptime) - start)) s"
