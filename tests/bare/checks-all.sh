# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The demo and all tests. Those of virtual machines run in machines within this one.

check bare nothing_but_git_and_sudo
check demo typed demo
check demo-undone undone
check all-tests typed_tests all-tests
check tests-undone undone /opt/nsshell-check
