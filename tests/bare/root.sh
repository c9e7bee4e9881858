# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Read by make-root: the newcomer's Debian without a kernel and systemd.

# shellcheck source=tests/bare/newcomer.sh
. "$(dirname "$recipe")/newcomer.sh"

# User ids are the machine's too, whose tests end all processes of their own users: here they are others, and others in
# each release.
use_ids_of_its_own()
{
	local first
	first=$(($(. "$root/etc/os-release" && echo "$VERSION_ID") * 1000))
	sed -i -E "s/^([UG]ID_MIN)\b.*/\1 $first/" "$root/etc/login.defs"
	grep -q "^UID_MIN $first" "$root/etc/login.defs"
}

configure()
{
	printf '127.0.0.1\tlocalhost\n127.0.1.1\tnsshell-bare\n' >"$root/etc/hosts"
	use_apt_as_outside localhost
	use_ids_of_its_own
	make_newcomer
	# Nothing of it is to survive the machine's end.
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
}
