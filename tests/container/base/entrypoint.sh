#!/bin/bash
# As mle-bench's entrypoint: its arguments are ignored, everything below /home becomes writable, root serves validation.
set -x
{
    mkdir -p /home/logs
    find /home -path /home/data -prune -o -exec chmod a+rw {} \;
    conda run -n mleb python /private/grading_server.py
} 2>&1 | tee "${LOGS_DIR:-}/entrypoint.log"

# The shell stays, as the first process it must wait for orphans.
while true; do sleep 3600; done
