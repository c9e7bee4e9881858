# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by what runs before nsshell is removed (debian/nsshell.prerm and postrm, the %preun of the RPM, make uninstall): a login
# must not depend on what is removed, neither by a line for PAM nor by its account's login shell.

bindir=${bindir:-/usr/bin}
statedir=${statedir:-/var/lib/nsshell}

# In a file for each service, or with its name first.
line_with_module="^[[:space:]]*([^#[:space:]]+[[:space:]]+)?-?(auth|account|password|session)[[:space:]].*${module:-pam_nsshell\\.so}"

# Lines as libpam sees them: it goes on with the next line behind a backslash, but not from a comment.
whole_lines()
{
	sed -e ':a' -e 's/#.*//' -e '/\\$/{N;s/\\\n/ /;ba' -e '}'
}

# has_module: whether what it reads has such a line. libpam takes types however they are written.
has_module()
{
	whole_lines | grep -qiE "$line_with_module"
}

# with_included FILE DEPTH: its name, if it can be read, and those of what it includes by a path.
with_included()
{
	[ -r "$1" ] && [ "$2" -gt 0 ] || return 0
	echo "$1"
	whole_lines <"$1" | sed -nE 's/^(.*[[:space:]])?@?(include|substack)[[:space:]]+(\/[^[:space:]]+).*/\3/p' |
		while read -r included; do
			with_included "$included" $(($2 - 1))
		done
}

# files_with_module: those for PAM, also where they are links, and those that they include from elsewhere; the copies that
# editors and package managers keep do not count.
files_with_module()
{
	{
		find -L /etc/pam.d /usr/lib/pam.d -type f 2>/dev/null || true
		echo /etc/pam.conf
	} | grep -vE '(~|\.(dpkg|ucf|pam)-[a-z]+|\.rpm(new|save|orig))$' | while read -r file; do
		with_included "$file" 8
	done | sort -u | while read -r file; do
		if has_module <"$file"; then
			echo "$file"
		fi
	done
}

# refuse_lines FILES: a line of the administrator's, without the module, would be an error for everybody, root too.
# FILES are names, a line each; where_managed is what to do where PAM's files are not changed by hand.
refuse_lines()
{
	found=$1
	[ -n "$found" ] || return 0
	echo "nsshell: not removed: nobody could log in any more. Take the lines with pam_nsshell.so out of:" >&2
	echo "$found${where_managed:+
$where_managed}" >&2
	exit 1
}

# with_nsshell [OPTION...]: accounts with nsshell as login shell; of files alone with -s files.
with_nsshell()
{
	getent "$@" passwd | awk -F: -v "shell=$bindir/nsshell" \
		'$7 == shell || "/usr" $7 == shell { print $1 }' | sort -u
}

# Where accounts come from that getent(1) does not list: sssd and winbind do so only when they are told to.
unlisted_sources()
{
	sed -n 's/#.*//; s/\[[^]]*\]//g; s/^[[:space:]]*passwd://p' /etc/nsswitch.conf 2>/dev/null | tr -s '[:space:]' '\n' |
		grep -vxE 'files|compat|systemd|extrausers|db|nis|ldap|' | while read -r source; do
		[ "$source" = sss ] && [ ! -e /etc/sssd/sssd.conf ] && [ -z "$(ls -A /etc/sssd/conf.d 2>/dev/null)" ] ||
			echo "$source"
	done
}

# Accounts that this machine cannot change, and "SOURCE:*" for those that it cannot list.
foreign_accounts()
{
	{
		with_nsshell | grep -vxF "$(with_nsshell -s files)" || true
		unlisted_sources | sed 's/$/:*/'
	} | paste -sd ' '
}

# They are not ended here: that is for the administrator to choose.
tell_of_sessions()
{
	open=$("$bindir/nsshellctl" list 2>/dev/null </dev/null | grep -cE '^[0-9a-f]{16}' || true)
	[ "${open:-0}" = 0 ] ||
		echo "nsshell: warning: open sessions: $open; they stay confined, but nothing can list, enter or end them any more" >&2
}

# useradd(8) and adduser(8) can have been told to give it to everybody.
tell_of_defaults()
{
	{ grep -lsE "^D?SHELL=.*${bindir#/usr}/nsshell" /etc/default/useradd /etc/adduser.conf || true; } | while read -r file; do
		echo "nsshell: warning: $file gives new accounts nsshell as login shell" >&2
	done
}

# former_shell NAME: the one that nsshellctl(8) remembers of this account, for where it cannot change it back itself.
former_shell()
{
	shell=
	if grep -qsx "uid $(id -u -- "$1")" "$statedir/$1"; then
		shell=$(sed -n 's/^shell //p' "$statedir/$1")
	fi
	[ -x "$shell" ] || shell=/bin/bash
	echo "$shell"
}

# keep_records FOLDER: the names of those who have nsshell, and what nsshellctl remembers of them.
keep_records()
{
	with_nsshell -s files >"$1/names" && mkdir "$1/records" &&
		find "$statedir" -maxdepth 1 -type f -exec cp -p -t "$1/records" {} +
}

# give_nsshell_back FOLDER: to those whose login shell was changed before it turned out that another's cannot be, with what
# nsshellctl remembered of them. A trial is over.
give_nsshell_back()
{
	with_nsshell -s files >"$1/left"
	grep -vxFf "$1/left" "$1/names" | while IFS= read -r name; do
		record=$1/records/$name
		! grep -qs '^trial ' "$record" || continue
		[ ! -e "$record" ] || cp -p "$record" "$statedir"
		usermod -s "$bindir/nsshell" -- "$name" </dev/null >&2 || continue
		echo "nsshell: $name has nsshell as login shell again" >&2
	done
}

# Reads the names of those who have nsshell. Names can have blanks, and the first word of one can be another account's.
change_shells()
{
	while IFS= read -r name; do
		echo "nsshell: warning: $name had nsshell as login shell, and is not confined any more" >&2
		[ ! -x "$bindir/nsshellctl" ] || "$bindir/nsshellctl" disable -- "$name" </dev/null >&2 || true
	done
	with_nsshell -s files | while IFS= read -r name; do
		usermod -s "$(former_shell "$name")" -- "$name" </dev/null >&2 || true
	done
}

# All or none. What is kept for that is kept where users cannot fill the disk of /tmp, and nsshellctl passes it over.
give_shells_back()
{
	tell_of_sessions
	tell_of_defaults
	[ -d "$statedir" ] || mkdir -m 700 "$statedir" || return 1
	kept=$(mktemp -d "$statedir/.removal.XXXXXX") || return 1
	if ! keep_records "$kept"; then
		rm -rf "$kept"
		echo "nsshell: not removed: $statedir cannot be written" >&2
		return 1
	fi
	change_shells <"$kept/names"
	left=$(with_nsshell -s files | paste -sd ' ')
	[ -z "$left" ] || give_nsshell_back "$kept"
	rm -rf "$kept"
	[ -n "$left" ] || return 0
	echo "nsshell: not removed: the login shell could not be changed: $left" >&2
	return 1
}

# What nsshellctl leaves where a trial still runs.
forget_trials()
{
	rm -f /etc/cron.d/nsshell-expire /etc/systemd/system/timers.target.wants/nsshell-expire.timer
}
