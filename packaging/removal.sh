# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by what runs before a package is removed (debian/nsshell.prerm, rpm/preun): a login must not depend on what
# is removed, neither by a line for PAM nor by its account's login shell.

# lines_in FILE...: who has the module; the copies that editors and package managers keep do not count.
lines_in()
{
	grep -lsE '^[[:space:]]*-?(auth|account|password|session)[[:space:]].*pam_nsshell\.so' "$@" |
		grep -vE '(~|\.(dpkg|ucf|pam)-[a-z]+|\.rpm(new|save|orig))$' | sort
}

# refuse_lines FILE...: a line of the administrator's, without the module, would be an error for everybody, root too.
# where_managed is what to do where PAM's files are not changed by hand.
refuse_lines()
{
	found=$(lines_in "$@")
	[ -n "$found" ] || return 0
	echo "nsshell: not removed: nobody could log in any more. Take the lines with pam_nsshell.so out of:" >&2
	echo "$found${where_managed:+
$where_managed}" >&2
	exit 1
}

# with_nsshell [OPTION...]: accounts with nsshell as login shell; of files alone with -s files.
with_nsshell()
{
	getent "$@" passwd | awk -F: '$7 == "/usr/bin/nsshell" || $7 == "/bin/nsshell" { print $1 }' | sort -u
}

# Accounts that this machine cannot change.
foreign_accounts()
{
	with_nsshell | grep -vxF "$(with_nsshell -s files)" | paste -sd ' ' || true
}

give_shells_back()
{
	for name in $(with_nsshell -s files); do
		echo "nsshell: warning: $name had nsshell as login shell, and is not confined any more" >&2
		nsshellctl disable "$name" >&2 || true
	done
	for name in $(with_nsshell -s files); do
		usermod -s /bin/bash -- "$name" >&2 || true
	done
	left=$(with_nsshell -s files | paste -sd ' ')
	[ -n "$left" ] || return 0
	echo "nsshell: not removed: the login shell could not be changed: $left" >&2
	exit 1
}

# What nsshellctl leaves where a trial still runs.
forget_trials()
{
	rm -f /etc/cron.d/nsshell-expire /etc/systemd/system/timers.target.wants/nsshell-expire.timer
}
