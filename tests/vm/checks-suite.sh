# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# The system tests themselves, with the installed package, as far as there is time for: "suite" beside this file has the
# arguments of pytest.

suite_passes()
{
	cd "$suite" || return
	mapfile -t arguments <"$here/suite"
	# Made by the first session that is made: what a test looks for is what nsshell leaves.
	systemctl start user.slice
	NSH_PREFIX=/usr NSH_PATIENCE=10 /usr/bin/python3 -B -m pytest -p no:cacheprovider -q --tb=short --durations=10 "${arguments[@]}"
	note "suite: $(grep -E '^=*[^=]*[0-9]+ passed' /run/check.log)"
}

# The module is in stacks of the tests' own, which take over the machine's.
without_module_in_cron()
{
	sed -i.nsh '/pam_nsshell/d' /etc/pam.d/cron
	and_then "mv /etc/pam.d/cron.nsh /etc/pam.d/cron" "$@"
}

export check_seconds=28800
check suite with_stack '/pam_nsshell/d' without_module_in_cron suite_passes
