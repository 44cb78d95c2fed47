"""Builds an image, shows the builder's output as it comes, and looks at what came of it."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

from swarm_host.backends.docker import argv
from swarm_host.backends.docker.client import DockerCommand, failure, last_words
from swarm_host.backends.docker.ending import parse_image
from swarm_host.errors import BuildFailed, UsageError
from swarm_host.protocols import Sink
from swarm_host.records import BuildConfig, Secret
from swarm_host.words.redact import build_secret_values, redact_text, reveal

_CHUNK = 1 << 16
# A build that says nothing for so long hangs: downloads and compilers say something.
_SILENCE_S = 3600.0
_MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Builder:
    """The builder behind a docker command: the classic one, or BuildKit where the client has it."""

    client: DockerCommand
    environ: Mapping[str, str]
    silence_s: float = _SILENCE_S

    def build(self, config: BuildConfig, tag: str, sink: Sink, *, host_network: bool) -> None:
        """host_network: steps run in the network of the host.

        Raises BuildFailed with the builder's exit status and last words, UsageError when there is
        nothing to build, DaemonLost when the daemon went away.
        """
        check_context(config)
        secrets = {k: value for k, value in config.build_args.items() if isinstance(value, Secret)}
        # Without a terminal BuildKit is plain by itself, unless the environment says otherwise.
        more = {**reveal(secrets, self.environ), "BUILDKIT_PROGRESS": "plain"}
        words = argv.build(config, tag, host_network=host_network)
        process = self.client.open(words, more=more, merged=True)
        try:
            said = self._stream(process, sink)
        finally:
            if process.poll() is None:
                process.kill()
            code = process.wait()
        if code != 0:
            # The words of a failed step may look like those of a lost daemon: it is asked itself.
            self.client.ask(["version"])
            values = build_secret_values(config, self.environ)
            text = redact_text(said.decode(errors="replace"), values)
            raise BuildFailed(f"docker build of {tag}: {_explained(text)}", code)
        self._check_platform(config, tag)

    def _stream(self, process: subprocess.Popen[bytes], sink: Sink) -> bytes:
        """Hands the output on as it comes; the end of it. Raises BuildFailed when it falls silent."""
        assert process.stdout is not None
        kept = b""
        heard = time.monotonic()
        with process.stdout as pipe, selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            while True:
                left = heard + self.silence_s - time.monotonic()
                if left <= 0:
                    process.kill()
                    raise BuildFailed(f"the build said nothing for {self.silence_s:.0f} s", 1)
                if not ready.select(left):
                    continue
                data = os.read(pipe.fileno(), _CHUNK)
                if not data:
                    return kept
                heard = time.monotonic()
                sink.write("build", data)
                kept = (kept + data)[-_MOST_KEPT:]

    def _check_platform(self, config: BuildConfig, tag: str) -> None:
        """The classic builder takes a base of another platform without a word."""
        if config.platform is None:
            return
        answer = self.client.run(["image", "inspect", tag])
        if answer.code != 0:
            raise failure("docker image inspect", answer.err)
        made = parse_image(answer.out).platform
        if not same_platform(config.platform, made):
            raise BuildFailed(
                f"docker build of {tag} was to be for {config.platform} and is for {made}: its base "
                "image is; cure: build or pull the base for that platform, or use BuildKit (buildx)",
                1,
            )


def check_context(config: BuildConfig) -> None:
    """Raises UsageError when the folder or the Dockerfile is not there."""
    if not os.path.isdir(config.context):  # noqa: PTH112 (a plain string of a record)
        raise UsageError(f"build: the context {config.context} is no folder")
    if not argv.dockerfile(config).is_file():
        raise UsageError(f"build: there is no {argv.dockerfile(config)}")


def same_platform(wanted: str, made: str) -> bool:
    """Compares what both say. A variant that only one of them names does not matter: linux/arm64 is
    linux/arm64/v8.
    """
    pairs = zip(wanted.lower().split("/"), made.lower().split("/"), strict=False)
    return all(mine == theirs for mine, theirs in pairs)


_HINTS = {
    "pull access denied": "the base image is not here, and no registry has it: build it first "
    "(mlebench-env: environment/Dockerfile of mle-bench)",
    "failed to resolve source metadata": "the base image is not here, and the registry was not reached",
    "exec format error": "the image is for another processor: set build.platform, or register qemu",
    "no space left": "the disk of the daemon is full: docker system prune",
    "--mount option requires BuildKit": "this Dockerfile needs BuildKit: install buildx",
}


def _explained(text: str) -> str:
    words = last_words(text)
    for sign, hint in _HINTS.items():
        if sign in text:
            return f"{words}; {hint}"
    return words
