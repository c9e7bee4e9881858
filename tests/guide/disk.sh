# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Read by tests/vm/make-disk: the machine of tests/vm, with what the guide's commands are and what it compares nsshell with.

# shellcheck source=tests/vm/disk.sh
. "$here/disk.sh"
disk_size=3G
packages+=(
	ansible-core
	bubblewrap
	firejail
	jailkit
	passt
	python3
	sudo
)
[ "$release" = bookworm ] || packages+=(podman)
