# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# Read by make-disk: the machine of disk.sh, with all that the system tests run.

# shellcheck source=tests/vm/disk.sh
. "$here/disk.sh"
disk_size=4G
mapfile -t -O ${#packages[@]} packages < <(sed 's/#.*//; /^$/d' "$here"/../../packaging/{ssh,system}.txt)
