#!/usr/bin/env bash
# Run by mle-bench's way of starting agents. Any Python will do.
exec "$(command -v python3 || command -v python)" -S "${AGENT_DIR:-/home/agent}/main.py"
