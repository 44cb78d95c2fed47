# The agent image, on the image that mle-bench's environment/Dockerfile makes. Reasons and sizes: docs/decisions/0005-image.md.
# Syntax of the classic builder only. No USER and no ENTRYPOINT: the base needs its own.
FROM mlebench-env

# The benchmark gives these four; start.sh reads them.
ARG SUBMISSION_DIR=/home/submission
ARG LOGS_DIR=/home/logs
ARG CODE_DIR=/home/code
ARG AGENT_DIR=/home/agent
ENV SUBMISSION_DIR=${SUBMISSION_DIR} \
    LOGS_DIR=${LOGS_DIR} \
    CODE_DIR=${CODE_DIR} \
    AGENT_DIR=${AGENT_DIR}
RUN mkdir -p "${SUBMISSION_DIR}" "${LOGS_DIR}" "${CODE_DIR}" "${AGENT_DIR}"

ARG CONDA_ENV_NAME=agent

# 1. Python packages. The build fails when one of the base's heavy packages moves or a dependency is left broken.
COPY requirements_agent.txt ${AGENT_DIR}/requirements.txt
COPY constraints_agent.txt ${AGENT_DIR}/constraints_agent.txt
COPY scripts/check_versions.py ${AGENT_DIR}/scripts/check_versions.py
RUN cd "${AGENT_DIR}" && \
    conda run -n ${CONDA_ENV_NAME} python scripts/check_versions.py record constraints_agent.txt /tmp/base.json && \
    conda run --no-capture-output -n ${CONDA_ENV_NAME} pip install --no-cache-dir --disable-pip-version-check \
        -r requirements.txt -c constraints_agent.txt && \
    conda run -n ${CONDA_ENV_NAME} python scripts/check_versions.py compare constraints_agent.txt /tmp/base.json && \
    rm /tmp/base.json

# 2. System packages that programs may need (images, audio). mle-bench's base has all three, and then nothing is done.
ARG SYSTEM_PACKAGES="ffmpeg libsm6 libxext6"
RUN missing=""; \
    for name in ${SYSTEM_PACKAGES}; do \
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q "ok installed" || missing="$missing $name"; \
    done; \
    [ -z "$missing" ] && exit 0; \
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing && \
    rm -rf /var/lib/apt/lists/* && exit 0; \
    echo "error: the base lacks$missing and apt cannot install it; see above, or build with --build-arg SYSTEM_PACKAGES=" >&2; \
    exit 1

# 3. The embedding model, outside of /home: the base's entrypoint changes the mode of every file there, which copies it.
#    EMBEDDING_MODEL=none builds without. HF_ENDPOINT: another host than the hub's own.
ARG EMBEDDING_MODEL=BAAI/bge-m3
ARG HF_ENDPOINT
ENV MODEL_SAVE_PATH=/opt/models/bge-m3
COPY scripts/download_model.py ${AGENT_DIR}/scripts/download_model.py
RUN mkdir -p /opt/models && ln -sfn /opt/models "${AGENT_DIR}/embedding-models" && \
    HF_HOME=/tmp/hub conda run --no-capture-output -n ${CONDA_ENV_NAME} \
        python "${AGENT_DIR}/scripts/download_model.py" --model "${EMBEDDING_MODEL}" && \
    rm -rf /tmp/hub "${MODEL_SAVE_PATH}/.cache" && \
    find /opt/models -mindepth 1 -exec chmod 555 {} +

# 4. The code: all that is built again after a change of it. Outside of /home too, with a link per entry: the base's entrypoint
#    starts a chmod for each file there, which took two seconds at every start.
COPY . /opt/swarm-evo
RUN for entry in /opt/swarm-evo/*; do \
        rm -rf "${AGENT_DIR}/${entry##*/}" && ln -s "$entry" "${AGENT_DIR}/" || exit 1; \
    done; \
    conda run -n ${CONDA_ENV_NAME} python -m compileall -q /opt/swarm-evo
