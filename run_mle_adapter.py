"""Container entry: from the environment and folders that MLE-bench gives to a published submission.

Only the standard library is imported here; project imports wait inside functions until the
environment is mapped.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.contract import Folders
    from utils.config import Config

CONFIG = Path(__file__).resolve().parent / "config" / "mle_bench.yaml"
HOME = Path("/home")
RENAMED = {"API_KEY": "OPENAI_API_KEY", "API_BASE": "OPENAI_BASE_URL", "MODEL_NAME": "LLM_MODEL"}
# The stages of a container, in order; core.run tells those from the journal to the final pick.
STAGES = (
    "configuration",
    "description",
    "workspace",
    "journal",
    "competition",
    "baseline",
    "views",
    "search",
    "final pick",
    "results",
)

log = logging.getLogger("run_mle_adapter")


def map_env_vars(environ: MutableMapping[str, str] = os.environ) -> str:
    """Gives MLE-bench's variables the names that config/mle_bench.yaml reads; must run before any
    project import.

    A variable that is unset or empty changes nothing. With LLM_PROVIDER=anthropic the key feeds
    ANTHROPIC_API_KEY too, and so on. Returns COMPETITION_ID, which belongs in logs and nowhere else.
    """
    for source, target in RENAMED.items():
        if environ.get(source):
            environ[target] = environ[source]
    provider = environ.get("LLM_PROVIDER")
    if provider and provider != "recipes" and environ.get("API_KEY"):
        environ[f"{provider.upper()}_API_KEY"] = environ["API_KEY"]
    return environ.get("COMPETITION_ID", "")


def setup_workspace(config: Config, data_dir: Path, description: str) -> Path:
    """The workspace folder with input -> `data_dir`, working, submission, best_solution and logs,
    made where absent.

    description: kept as description.md in the workspace, so that a run can be read without the
    container. Raises UsageError when the workspace cannot be laid out, OSError from the disk.
    """
    from utils.files import write_atomic
    from utils.workspace_builder import build_workspace

    workspace = config.project.workspace_dir
    build_workspace(data_dir, workspace, link="whole")
    write_atomic(workspace / "description.md", description)
    return workspace


def run_adapter() -> int:
    """The ten stages from environment to results; returns the exit status of the contract."""
    competition = map_env_vars()
    from rich.console import Console

    from core.contract import EXIT_STATUS
    from core.publishing import reasons
    from core.publishing.rescue import rescue
    from core.publishing.screen import Screen
    from main import refuse, solve
    from utils.config import dotlist, load_config, read_description, validate_config
    from utils.errors import UsageError

    try:
        stage("configuration")
        config = load_config(CONFIG, use_cli=False, overrides=dotlist(sys.argv[1:]))
        validate_config(config)
        check_python(config.environment.conda_env_name)
        stage("description")
        description = read_description(config)
        stage("workspace")
        workspace = setup_workspace(config, config.data.data_dir, description)
    except UsageError as error:
        rescue(*fallback_folders(sys.argv[1:]), reason=str(error))
        return refuse(str(error))
    except OSError as error:
        log.error("%s", reasons.cannot_begin(error))
        rescue(*fallback_folders(sys.argv[1:]), reason=reasons.cannot_begin(error))
        return EXIT_STATUS["internal"]
    # The run brings its own handlers: they take keys out, and this one would say every line a
    # second time.
    logging.basicConfig(handlers=[], force=True)
    screen = Screen(Console())
    code = solve(
        config, screen, description, container=True, competition_id=competition, stage=stage
    )
    stage("results")
    try:
        copy_results(config.project.log_dir / "journal.jsonl", workspace)
    except OSError as error:
        log.error("cannot put the results in order: %s", error)
    return code


def check_python(environment: str, prefix: str = sys.prefix) -> None:
    """Says so when the agent, and with it every candidate, runs in another Python than the image's
    environment.
    """
    if Path(prefix).name != environment:
        log.warning("this is the Python in %s, not the conda environment %s", prefix, environment)


def fallback_folders(words: Sequence[str]) -> tuple[Path, Folders]:
    """Data and output folders when the configuration cannot be read: the container's, unless a word
    names another.
    """
    from core.contract import Folders

    named = dict(word.split("=", 1) for word in words if "=" in word)

    def folder(key: str, name: str) -> Path:
        return Path(named.get(key) or HOME / name)

    return folder("data.data_dir", "data"), Folders(
        workspace=folder("project.workspace_dir", "workspace"),
        logs=folder("project.log_dir", "logs"),
        submission=folder("output.submission_dir", "submission"),
        code=folder("output.code_dir", "code"),
    )


def stage(name: str) -> None:
    """One line for a stage that begins; the run names its own."""
    log.info("stage %d of %d: %s", STAGES.index(name) + 1, len(STAGES), name)


def copy_results(journal: Path, workspace_dir: Path) -> None:
    """Makes sure that the output folders hold what the journal says was published, as real files.

    Publishing has put it there already; this mends a folder that something else touched since,
    makes real folders of linked ones and removes the links in them, which would arrive dangling
    outside of the container.
    """
    from core.journal.journal import read_lines
    from utils.files import copy_atomic

    outputs, digest = None, None
    for line in read_lines(journal)[0]:
        if line["type"] == "run_started":
            outputs = outputs or line["config"]["output"]
        elif line["type"] in ("published", "baseline"):
            digest = line["sha256"]
    if outputs is None:
        return
    target = Path(outputs["submission_dir"]) / "submission.csv"
    copy = workspace_dir / "submission" / "submission.csv"
    if digest is not None and holds(copy, digest):
        if target.is_symlink() or not holds(target, digest):
            copy_atomic(copy, target)
    for folder in (target.parent, Path(outputs["code_dir"]), journal.parent):
        without_links(folder)


def holds(path: Path, digest: str) -> bool:
    """The file is there and has this SHA-256."""
    from utils.files import sha256_file

    return path.is_file() and sha256_file(path) == digest


def without_links(folder: Path) -> None:
    """Removes every link below `folder`. A folder that is a link itself becomes a real one with the
    same files.
    """
    for path in [*folder.resolve().rglob("*")]:
        if path.is_symlink():
            path.unlink()
    if folder.is_symlink():
        copy = folder.with_name(f".{folder.name}.real")
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        folder.unlink()
        copy.rename(folder)


USAGE = """usage: run_mle_adapter.py [--help] [key=value ...]

Solve the competition in /home/data inside an MLE-bench container. config/mle_bench.yaml lists the keys.
Environment: API_KEY, API_BASE, MODEL_NAME, LLM_PROVIDER, TIME_LIMIT_SECS, STEP_LIMIT, COMPETITION_ID.
"""

if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(USAGE, end="")
        sys.exit(0)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(run_adapter())
