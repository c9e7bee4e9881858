# shellcheck shell=bash disable=SC2154,SC2086
# What has become of the trials of before-reset.sh.

# By the timer of this start: nothing else has run since.
trial_ended_after_reset()
{
	wait_for shell_is nshshort /bin/bash
	journalctl --sync
	journalctl -q -b -o cat -t nsshellctl | grep 'action=expire result=done user="nshshort"'
}

trial_goes_on_after_reset()
{
	shell_is nshlong $nsshell
	trial_timer_runs
	$ctl confirm nshlong
	trial_timer_is_gone
	shell_is nshlong $nsshell
}

check reset-trial-ended trial_ended_after_reset
check reset-trial-goes-on trial_goes_on_after_reset
