# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2086
# What has become of the trials and the sandbox of before-reset.sh.

trial_was_logged()
{
	journalctl --sync
	journalctl -q -b -o cat -t nsshellctl | grep 'action=expire result=done user="nshshort"'
}

# By the timer of this start: nothing else has run since.
trial_ended_after_reset()
{
	wait_for shell_is nshshort /bin/bash
	wait_for trial_was_logged
}

trial_goes_on_after_reset()
{
	shell_is nshlong $nsshell
	trial_timer_runs
	$ctl confirm nshlong
	trial_timer_is_gone
	shell_is nshlong $nsshell
}

lingering_has_ended()
{
	grep -Ex '[0-9a-f]{16}' ~/lingered
	grep -Ex '[0-9]+' ~/lingered
	fails pgrep -u nshleft
	# shellcheck disable=SC2016 # for the user's shell
	sandbox=$(su - nshleft -c 'echo $NSSHELL_SESSION; ! pgrep -x sleep')
	[[ $sandbox =~ ^[0-9a-f]{16}$ ]]
	fails grep "$sandbox" ~/lingered
}

check reset-trial-ended trial_ended_after_reset
check reset-trial-goes-on trial_goes_on_after_reset
check reset-linger lingering_has_ended
