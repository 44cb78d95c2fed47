#!/usr/bin/env bash
# Sourced by the scripts of the host side's tests. SWARM_LIMIT: options of pytest by which no test can hang. After so many
# seconds the stack of every thread is printed and the process ends; under xdist the test is named, and the others go on.
# The slowest test takes a minute on a busy machine.
SWARM_LIMIT="-o faulthandler_timeout=${SWARM_TEST_LIMIT_S:-600} -o faulthandler_exit_on_timeout=true"
