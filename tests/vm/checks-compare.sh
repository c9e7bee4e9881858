# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# What a start takes beside systemd-nspawn's, which needs a systemd: figures for docs/performance.md. They are those of
# an emulated processor, and good for comparing with each other.

# Milliseconds that a command takes.
milliseconds()
{
	local before=${EPOCHREALTIME/./}
	"$@" >/dev/null
	echo $(((${EPOCHREALTIME/./} - before) / 1000))
}

# The median of nine numbers.
median()
{
	sort -n | sed -n 5p
}

compare()
{
	local as=(setpriv --reuid "$(id -u nshcmp)" --regid "$(id -g nshcmp)" --init-groups env HOME=/home/nshcmp)
	local root=(systemd-nspawn --quiet --register=no --directory=/ --volatile=yes --as-pid2)
	mkdir -p /run/compare
	for _ in {1..9}; do
		milliseconds "${as[@]}" sh -c true >>/run/compare/bare
		milliseconds "${as[@]}" "$nsshell" -c true >>/run/compare/nsshell
		milliseconds "${as[@]}" bwrap --unshare-all --share-net --die-with-parent --dev-bind / / --proc /proc --tmpfs /tmp \
			sh -c true >>/run/compare/bubblewrap
		milliseconds "${root[@]}" sh -c true >>/run/compare/nspawn
	done
	note "compare: ms, median of 9: bare $(median </run/compare/bare), nsshell $(median </run/compare/nsshell)," \
		"bubblewrap $(median </run/compare/bubblewrap), systemd-nspawn $(median </run/compare/nspawn)"
}

make_user nshcmp
check_on bookworm compare compare
