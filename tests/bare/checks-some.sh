# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The demo, and of the tests as many as a virtual machine has the time for: the command is the README's, KINDS and T in
# its environment choose.

check bare nothing_but_git_and_sudo
check demo typed demo
check demo-undone undone
check unit-and-lint typed_tests unit-and-lint
check system typed_tests system
check tests-undone undone /opt/nsshell-check
