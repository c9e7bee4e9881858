# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by what makes a Debian: tests/tools/make-root, tests/vm/make-disk, tests/bare/make-root and tests/package. All
# run in a PID and a mount namespace of their own, so that no mount of debootstrap's is left on the machine.

# mirror: the one that this machine's own apt uses.
mirror()
{
	local own
	# shellcheck disable=SC2016 # for apt-get
	own=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' |
		sed -n 's,^\(https\?://.*[^/]\)/*$,\1,p' | sort -u | head -n 1)
	echo "${own:-http://deb.debian.org/debian}"
}

# The proxy that apt was told of; without one there, debootstrap takes it from the environment too.
use_proxy_of_apt()
{
	eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
	[ "${http_proxy-}" != DIRECT ] || unset http_proxy
	[ "${https_proxy-}" != DIRECT ] || unset https_proxy
	export ${http_proxy+http_proxy} ${https_proxy+https_proxy}
}

# make_debian RELEASE ROOT [OPTION...]: the smallest Debian, without manuals and translations.
make_debian()
{
	mkdir -p "$2/etc/dpkg/dpkg.cfg.d"
	printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/info/*' \
		'path-exclude=/usr/share/locale/*' 'path-exclude=/usr/share/man/*' \
		>"$2/etc/dpkg/dpkg.cfg.d/small-disk"
	debootstrap --force-check-gpg --variant=minbase "${@:3}" "$1" "$2" "$(mirror)" || {
		cat "$2/debootstrap/debootstrap.log"
		return 1
	}
}

# install_in ROOT PACKAGE...: by the apt-get of the Debian below ROOT, which puts packages into order that debootstrap cannot,
# and in a third of its time. INITRD=No is for the kernel's package.
install_in()
{
	local words
	cp -L /etc/resolv.conf "$1/etc"
	mount -t proc proc "$1/proc"
	for words in update "install -y --no-install-recommends ${*:2}"; do
		# shellcheck disable=SC2086 # split
		INITRD=No DEBIAN_FRONTEND=noninteractive chroot "$1" \
			apt-get -q -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 $words
	done
	umount "$1/proc"
}
