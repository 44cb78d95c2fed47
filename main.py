"""Local entry and composition root: builds the parts and runs one competition from folder to
published result.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from agents.authors import (
    coach,
    metric_reader,
    partner_recipes,
    recipes_only,
    shared,
    split_reader,
    with_model,
)
from agents.personas import load_personas
from agents.prompting.system_text import Offers
from core.contract import EXIT_STATUS, Folders
from core.execution.box import BoxLimits
from core.execution.detection import detect as detect_box
from core.execution.environment import inherited, weight_variables
from core.execution.stop import StopSignal
from core.execution.weights_scan import standard_places
from core.llm.models import RECIPES, provider_in_force
from core.persona import Persona
from core.publishing import reasons
from core.publishing.rescue import rescue
from core.publishing.screen import Screen
from core.run import Run
from core.settings import Authors, ProposerFactory, Settings
from utils.config import (
    Config,
    dotlist,
    load_config,
    read_description,
    secrets,
    validate_config,
)
from utils.config_schema import ExecutionConfig
from utils.errors import ConfigError, ResumeError, SwarmError, UsageError
from utils.hardware import detect
from utils.logger_system import setup_logging
from utils.process import become_subreaper, hide_environment
from utils.text import parse_duration
from utils.untrusted import plain
from utils.workspace_builder import build_workspace, validate_dataset

log = logging.getLogger(__name__)

# Where MLE-bench keeps the answers.
PRIVATE = Path("/private")
MEMORY_SHARE = 0.85
# Briefs that a language model works on at a time.
MODEL_CALLS = 2
WARNING = "This runs generated programs on this machine; the box around them stops careless ones, not hostile ones."


def main(argv: Sequence[str] | None = None, recipes: ProposerFactory = recipes_only) -> int:
    """One competition from the command line. recipes: who writes programs without a language model,
    and beside one.
    """
    if argv is None:
        argv = sys.argv[1:]
    options = parse(argv)
    screen = Screen(Console())
    screen.line(WARNING, "yellow")
    try:
        config = configured(options)
        validate_config(config)
        validate_dataset(config.data.data_dir)
    except UsageError as error:
        if options.data is not None and options.out is not None:
            rescue(options.data, folders_in(options.out.resolve()), str(error))
        return refuse(str(error))
    try:
        build_workspace(config.data.data_dir, config.project.workspace_dir)
        description = read_description(config)
    except UsageError as error:
        return refuse(str(error))
    except OSError as error:
        log.error("cannot write to %s: %s", config.project.workspace_dir, error)
        return EXIT_STATUS["internal"]
    return solve(config, screen, description, container=False, recipes=recipes)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Solve one competition folder: evolve programs, publish the best submission.",
        epilog="Any configuration key can follow as key=value; config/default.yaml lists them.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="competition folder: train, test, sample submission, description.md",
    )
    parser.add_argument(
        "--out", type=Path, help="takes workspace, logs, submission, code; the same again resumes"
    )
    parser.add_argument("--steps", help="how many programs to try")
    parser.add_argument("--time", help="wall time, e.g. 90s, 30m, 12h (a bare number is seconds)")
    parser.add_argument("--seed", help="seed of splits and of the search")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="configuration overrides")
    return parser.parse_intermixed_args(list(argv))


def duration(text: str) -> float:
    """Seconds. Raises ConfigError: a bad limit is met with a baseline, like a bad key, and not with
    a usage text.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--time: {error}") from None


def overrides(options: argparse.Namespace) -> dict[str, object]:
    """The command line as configuration values; explicit key=value words win over the options."""
    values: dict[str, object] = {}
    if options.out is not None:
        folders = folders_in(options.out)
        values |= {
            "project.workspace_dir": str(folders.workspace),
            "project.log_dir": str(folders.logs),
            "output.submission_dir": str(folders.submission),
            "output.code_dir": str(folders.code),
        }
    if options.data is not None:
        values["data.data_dir"] = str(options.data)
    if options.steps is not None:
        values["agent.max_steps"] = options.steps
    if options.time is not None:
        values["agent.time_limit"] = duration(options.time)
    if options.seed is not None:
        values["project.seed"] = options.seed
    return values | dotlist(options.overrides)


def configured(options: argparse.Namespace) -> Config:
    """The configuration of a run. Where the user names the model that writes programs and says
    nothing of the other role, it has that role too: the default one is unknown at most addresses.
    Raises ConfigError.
    """
    config = load_config(use_cli=False, overrides=overrides(options))
    about_feedback = any(word.startswith("llm.feedback.") for word in options.overrides)
    if about_feedback or config.llm.code.model is None:
        return config
    feedback = dataclasses.replace(config.llm.feedback, model=config.llm.code.model)
    return dataclasses.replace(config, llm=dataclasses.replace(config.llm, feedback=feedback))


def folders_in(out: Path) -> Folders:
    """The four folders of a run that keeps everything in one place."""
    return Folders(out / "workspace", out / "logs", out / "submission", out / "code")


def refuse(message: str) -> int:
    """One clear line for something that the user can mend."""
    print(f"error: {plain(message)}", file=sys.stderr)
    return EXIT_STATUS["usage"]


# ---------------------------------------------------------------- shared with run_mle_adapter.py


def folders_of(config: Config) -> Folders:
    return Folders(
        workspace=config.project.workspace_dir.resolve(),
        logs=config.project.log_dir.resolve(),
        submission=config.output.submission_dir.resolve(),
        code=config.output.code_dir.resolve(),
    )


def solve(
    config: Config,
    screen: Screen,
    description: str,
    container: bool,
    competition_id: str = "",
    stage: Callable[[str], None] = lambda name: None,
    recipes: ProposerFactory = recipes_only,
) -> int:
    """One run with its signals, logs and reports, in a workspace that is there; returns the exit
    status of the contract.

    container: the time limit counts from the first start, not only while the program runs. stage:
    told the name of each stage.
    """
    become_subreaper()
    hide_environment()
    folders, stop = folders_of(config), StopSignal()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signum, _: stop.set(signal.Signals(signum).name))
    try:
        setup_logging(folders.logs, config.logging.level, secrets(config))
        settings = settings_of(config, folders, description, container, competition_id)
        box = detect_box(
            folders.workspace, settings.protected, (settings.data_dir,), settings.environ
        )
        run = Run(settings, box, authors(config, settings, recipes), screen, stop, stage, time.time)
    except UsageError as error:
        return refuse(str(error))
    except OSError as error:
        log.error("cannot write to %s: %s", folders.logs, error)
        return EXIT_STATUS["internal"]
    except Exception as error:
        # Our own bug, before there is a run that could report it: loud, and the baseline is there
        # all the same.
        log.exception("internal error")
        rescue(config.data.data_dir, folders, reasons.internal(error))
        return EXIT_STATUS["internal"]
    try:
        return conduct(run)
    finally:
        screen.stop()
        run.close()


def conduct(run: Run) -> int:
    """Runs the stages; every way of ending becomes a report and an exit status."""
    usage = False
    try:
        run.execute()
    except ResumeError as error:
        return refuse(str(error))
    except (SwarmError, OSError) as error:
        usage = isinstance(error, UsageError)
        log.error("%s", error)
        run.report.reasons.append(str(error))
    except Exception as error:
        # Our own bug: loud, but what is published stays, and the report says what happened.
        log.exception("internal error")
        run.report.reasons.append(reasons.internal(error))
    try:
        return run.end(usage)
    except (UsageError, OSError) as error:
        log.error("cannot write the reports: %s", error)
        return EXIT_STATUS["internal"]


def settings_of(
    config: Config, folders: Folders, description: str, container: bool, competition_id: str
) -> Settings:
    """The configuration beside what follows from it on this machine."""
    machine = detect(folders.workspace)
    log.info("%s", machine.describe())
    provider, missing = provider_in_force(config.llm)
    calls = MODEL_CALLS
    if provider == RECIPES:
        said = missing or "no language model is used"
        log.warning("%s: programs come from the recipes library", said)
        calls = 0
    workers = config.execution.workers or usual_workers(len(machine.cpus))
    data_dir = config.data.data_dir.resolve()
    embedding_model = config.evolution.skill.embedding_model_path.resolve()
    return Settings(
        config=config,
        data_dir=data_dir,
        folders=folders,
        description=description,
        competition_id=competition_id,
        provider=provider,
        missing=tuple(filter(None, [missing])),
        absolute_deadline=container,
        machine=machine,
        workers=workers,
        calls=calls,
        limits=box_limits(config.execution, machine.memory_mb, workers),
        weight_places=(embedding_model, *standard_places(Path.home(), weight_variables())),
        protected=(data_dir, *dataclasses.astuple(folders), PRIVATE),
        environ=inherited(),
    )


def box_limits(execution: ExecutionConfig, memory_mb: int, workers: int) -> BoxLimits:
    """Limits of one candidate. memory_mb: MiB of the machine; each worker gets a fair share unless
    the user says.
    """
    most = MEMORY_SHARE * memory_mb / workers
    if execution.memory_limit_gb is not None:
        most = execution.memory_limit_gb * 1024
    return BoxLimits(
        memory_mb=int(most),
        processes=execution.processes,
        disk_mb=int(execution.disk_limit_gb * 1024),
    )


def usual_workers(cpus: int) -> int:
    """Candidates at a time: one per core on a small machine; on a large one several cores each."""
    if cpus <= 4:
        return cpus
    return max(4, cpus // 8)


def authors(config: Config, settings: Settings, recipes: ProposerFactory) -> Authors:
    """Who writes programs in this run, and in which roles."""
    personas: tuple[Persona, ...] = ()
    if config.evolution.agent.personas:
        personas = load_personas()
    if not settings.has_model:
        return Authors(recipes, personas=personas)
    gpu_names = tuple(gpu.name for gpu in settings.machine.gpus)
    recipes = shared(recipes)
    offers = Offers(config.search.extras, config.evolution.solution.ensemble)
    return Authors(
        with_model(config.llm, recipes, gpu_names, config.search.num_drafts, offers),
        metric_reader,
        coach,
        personas,
        split_reader,
        partner_recipes(recipes),
    )


if __name__ == "__main__":
    sys.exit(main())
