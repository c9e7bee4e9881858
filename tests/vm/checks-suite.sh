# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# The system tests themselves, with the installed package, as far as there is time for: "suite" beside this file has the
# arguments of pytest.

suite_passes()
{
	cd "$suite" || return
	mapfile -t arguments <"$here/suite"
	NSH_PREFIX=/usr /usr/bin/python3 -B -m pytest -p no:cacheprovider -q --tb=short --durations=10 "${arguments[@]}"
	note "suite: $(grep -E '^[0-9]+ passed' /run/check.log)"
}

export check_seconds=28800
check suite suite_passes
