"""A minimal agent for MLE-bench competitions: a loop of perceive, invoke and do around one model.

It reads a competition below /root/.cache/mlebench and writes submission.csv to
/home/workspace/output. It needs the standard library and the openai client, and is meant to be
copied and changed. Exit status: 0 when a submission was written, 1 when none was, 2 for wrong use.

Variables: OPENAI_API_KEY and OPENAI_BASE_URL as the client reads them; MODEL; COMPETITION (when the
cache holds several); DATA_DIR and OUTPUT_DIR (other folders); MAX_STEPS; STEP_SECONDS.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL = "gpt-5"
_SHOWN = 6_000
_HEAD_LINES = 4
_BLOCK = re.compile(r"```(?:python|py)?[^\S\n]*\n(.*?)```", re.DOTALL)
_TASK = """\
You solve a machine learning competition with one Python program. Answer with the whole program in
one ```python block. It runs in a folder of its own for at most {seconds:.0f} s. It reads {data} and
must write {submission} in the format of the sample submission.

{description}

Files:
{files}
"""


class WrongUse(Exception):
    """The environment of the agent is not as it must be."""


@dataclass(frozen=True)
class Feedback:
    """What a program did."""

    # A submission is there now that was not there before.
    solved: bool
    # For the model.
    text: str


class Environment:
    """One competition: what there is to see, and a place where programs run."""

    def __init__(self, data: Path, output: Path, step_seconds: float) -> None:
        self.data = data
        self.output = output
        self.step_seconds = step_seconds
        self.submission = output / "submission.csv"

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Environment:
        """Raises WrongUse when no competition is there, or more than one and none is named."""
        cache = Path(variables.get("DATA_DIR", "/root/.cache/mlebench"))
        output = Path(variables.get("OUTPUT_DIR", "/home/workspace/output"))
        name = variables.get("COMPETITION", "*")
        # mle-bench's own cache has one folder more: data.
        found = sorted(
            {*cache.glob(f"{name}/prepared/public"), *cache.glob(f"data/{name}/prepared/public")}
        )
        if len(found) != 1:
            there = ", ".join(folder.parts[-3] for folder in found) or "none"
            raise WrongUse(
                f"one competition is wanted below {cache}; there: {there} (COMPETITION names one)"
            )
        return cls(found[0], output, _seconds(variables))

    def observe(self) -> str:
        """The task in words: description, files, and the first lines of tables."""
        description = self.data / "description.md"
        text = description.read_text(errors="replace") if description.is_file() else ""
        files = "\n".join(self._shown(path) for path in sorted(self.data.iterdir()))
        return _TASK.format(
            seconds=self.step_seconds,
            data=self.data,
            submission=self.submission,
            description=text[:_SHOWN],
            files=files[:_SHOWN],
        )

    def run(self, program: str) -> Feedback:
        """Runs a program until it ends or its time is over."""
        self.output.mkdir(parents=True, exist_ok=True)
        script = self.output / "program.py"
        script.write_text(program)
        self.submission.unlink(missing_ok=True)
        try:
            done = subprocess.run(
                [sys.executable, str(script)],
                cwd=self.output,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self.step_seconds,
            )
        except subprocess.TimeoutExpired:
            return Feedback(False, f"The program was stopped after {self.step_seconds:.0f} s.")
        said = done.stdout.decode(errors="replace")[-_SHOWN:]
        if done.returncode == 0 and self.submission.is_file():
            return Feedback(True, said)
        why = (
            f"exit status {done.returncode}" if done.returncode else f"{self.submission} is missing"
        )
        return Feedback(False, f"The program failed ({why}). Its output ended:\n{said}")

    def _shown(self, path: Path) -> str:
        if path.suffix != ".csv":
            return f"- {path.name}"
        with path.open(errors="replace") as file:
            head = [file.readline(400).rstrip() for _ in range(_HEAD_LINES)]
        return "\n    ".join([f"- {path.name}", *filter(None, head)])


class Agent(ABC):
    """Perceives its environment, invokes a model, and does what the model says."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.messages: list[dict[str, str]] = []

    @abstractmethod
    def perceive(self) -> None:
        """Adds what the model must know to the messages."""

    @abstractmethod
    def invoke(self) -> str:
        """The model's answer to the messages."""

    @abstractmethod
    def do(self, answer: str) -> Feedback:
        """Acts in the environment."""

    def run(self, max_steps: int) -> bool:
        """True once a submission is there."""
        for step in range(1, max_steps + 1):
            self.perceive()
            answer = self.invoke()
            feedback = self.do(answer)
            print(
                f"step {step}: {'submission written' if feedback.solved else 'no submission'}",
                flush=True,
            )
            if feedback.solved:
                return True
        return False


class MinimalMLEBenchAgent(Agent):
    """Asks for a program, runs it, and shows the model what went wrong."""

    def __init__(self, environment: Environment, client: Any, model: str = MODEL) -> None:
        """client: of the openai package, or anything that answers as it does."""
        super().__init__(environment)
        self.client = client
        self.model = model
        self._failure: Feedback | None = None

    def perceive(self) -> None:
        text = self._failure.text if self._failure else self.environment.observe()
        self.messages.append({"role": "user", "content": text})

    def invoke(self) -> str:
        answer = self.client.chat.completions.create(model=self.model, messages=self.messages)
        text: str = answer.choices[0].message.content or ""
        self.messages.append({"role": "assistant", "content": text})
        return text

    def do(self, answer: str) -> Feedback:
        blocks = _BLOCK.findall(answer)
        if blocks:
            # The longest: a short one is often an example.
            self._failure = self.environment.run(max(blocks, key=len))
        else:
            self._failure = Feedback(False, "The answer holds no ```python block with a program.")
        return self._failure


def _seconds(variables: Mapping[str, str]) -> float:
    try:
        return float(variables.get("STEP_SECONDS", "3600"))
    except ValueError:
        raise WrongUse(f"STEP_SECONDS is no number: {variables['STEP_SECONDS']!r}") from None


def main(variables: Mapping[str, str]) -> int:
    try:
        environment = Environment.of(variables)
        steps = int(variables.get("MAX_STEPS", "5"))
    except (WrongUse, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # Not at the top: the classes above are of use without it.
    import openai

    try:
        client = openai.OpenAI()
    except openai.OpenAIError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    agent = MinimalMLEBenchAgent(environment, client, variables.get("MODEL", MODEL))
    try:
        solved = agent.run(steps)
    except openai.OpenAIError as error:
        print(f"error: the model does not answer: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if not solved:
        print(f"error: no submission after {steps} steps", file=sys.stderr)
        return 1
    print(f"wrote {environment.submission}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(os.environ))
