"""Units as jobs of Slurm, one each, by submitit; or as processes of submitit's own on this machine."""

from __future__ import annotations

import getpass
import math
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from swarm_host.engines import shared
from swarm_host.engines.away import AwayUnits, Say, silent
from swarm_host.engines.shared import Probe
from swarm_host.errors import Capacity, Lost, Unhealthy, UsageError
from swarm_host.records import RunConfig
from swarm_host.store.sqlite import SqliteStore
from swarm_host.words.names import nearest
from swarm_host.words.places import install

REQUIREMENTS = "requirements_engines.txt"
NAME = "swarm-evo"
# As engine.address, instead of options: processes here, without Slurm.
LOCAL = "local"
# Options of sbatch that engine.address may give.
OPTIONS = frozenset(
    {
        "account",
        "constraint",
        "exclude",
        "gres",
        "mem",
        "nice",
        "nodelist",
        "partition",
        "qos",
        "reservation",
    }
)
# Besides the agent's own time: build, attempts that the infrastructure ended, collection, grading.
_EXTRA_S = 4 * 3600.0
# A job without a result that the queue does not list any more may have ended this moment.
_DOUBT_S = 60.0
_LOOK_S = 1.0


class SlurmEngine(AwayUnits):
    """See protocols.Engine and AwayUnits. Jobs outlive the manager: those that wait lead their unit when
    their turn comes, or find it at its end. A unit of a killed job is handed out again.
    """

    name = "slurm"
    look_every_s = 10.0

    def __init__(
        self,
        store: SqliteStore,
        address: str | None = None,
        say: Say = silent,
        maker: str = shared.MAKER,
        **fields: Any,
    ) -> None:
        """address: options of sbatch as `partition=gpu,account=a`; `local` for processes here.

        Raises UsageError: the library or Slurm's commands are missing, an option is unknown, or the
        partition does not exist.
        """
        super().__init__(store, say, **fields)
        self._is_local = address == LOCAL
        self._options = {} if self._is_local else options_of(address or "")
        self._library = _library()
        if not self._is_local:
            check_slurm(self._options.get("partition"))
        # Jobs that wait when the manager ends look for it later.
        self._probe = Probe(store.runs, maker, token=f"probe-{NAME}")
        self._folder = store.state / "slurm"
        self._folder.mkdir(exist_ok=True)
        self._call = shared.carried()
        self._jobs: dict[str, Any] = {}
        # When the queue was first seen without a job.
        self._unlisted: dict[str, float] = {}

    # ------------------------------------------------------------ AwayUnits

    def wait(self, timeout: float) -> None:
        """Nobody tells that a job has ended: it is looked for."""
        ended = [unit for unit, job in self._jobs.items() if self._is_over(job)]
        for unit_id in ended:
            self._end(unit_id)
        super().wait(min(timeout, _LOOK_S))

    def _places(self) -> Mapping[str, str]:
        if self._is_local:
            return {self._machine_of(shared.machine()): ""}
        try:
            said = _run("sinfo", "--noheader", "--Node", "--responding", "--format=%n %N %t")
        except UsageError as error:
            raise Lost(f"the nodes of Slurm are not known now: {error}") from None
        nodes = [line.split() for line in said.splitlines() if line.strip()]
        up = [(host, node) for host, node, state in nodes if not state.startswith("down")]
        return {self._machine_of(host): node for host, node in up}

    def _machine_of(self, host: str) -> str:
        """Some machines call themselves by their whole name, where Slurm has it to the first dot."""
        return host.partition(".")[0]

    def _hand_out(self, unit_id: str, place: str | None, anywhere: bool) -> None:
        run = self._store.unit(unit_id).spec.run
        executor = self._executor(run, place)
        try:
            job = executor.submit(self._call, shared.LEAD, self._probe.order, unit_id, anywhere)
        # sbatch is on the other side: a full queue, a limit of the account, a daemon that restarts.
        except Exception as error:
            self.came_back(unit_id, Capacity(f"sbatch took no job for {unit_id}: {_last(error)}"))
            return
        self._jobs[unit_id] = job

    def _look(self) -> None:
        if self._jobs and not self._is_local:
            self._look_for_killed()

    # ------------------------------------------------------------ inside

    def _executor(self, run: RunConfig, node: str | None) -> Any:
        """A new one for each job: submitit adds what a unit asks for to what earlier ones asked for."""
        cluster = "local" if self._is_local else "slurm"
        executor = self._library.AutoExecutor(folder=self._folder / "%j", cluster=cluster)
        executor.update_parameters(**self._parameters(run, node))
        return executor

    def _parameters(self, run: RunConfig, node: str | None) -> dict[str, Any]:
        minutes = math.ceil((run.timeout + _EXTRA_S) / 60)
        found: dict[str, Any] = {"timeout_min": minutes, "name": NAME}
        if self._is_local:
            return found
        return found | slurm_parameters(run, self._options, node)

    def _is_over(self, job: Any) -> bool:
        return bool(job.done()) if self._is_local else _has_result(job)

    def _end(self, unit_id: str) -> None:
        job = self._jobs.pop(unit_id)
        self._unlisted.pop(unit_id, None)
        # The job's own process is on the other side, and its error is of any kind.
        try:
            self.came_back(unit_id, job.result())
        except Exception as error:
            said = Unhealthy(f"the job {job.job_id} of {unit_id} failed: {_last(error)}")
            self.came_back(unit_id, said)

    def _look_for_killed(self) -> None:
        """Jobs that the queue does not list and that left no result: killed, or their node died."""
        listed = self._listed()
        if listed is None:
            return
        now = self._clock()
        for unit_id, job in list(self._jobs.items()):
            if str(job.job_id) in listed or _has_result(job):
                self._unlisted.pop(unit_id, None)
            elif now - self._unlisted.setdefault(unit_id, now) >= _DOUBT_S:
                del self._jobs[unit_id], self._unlisted[unit_id]
                self.came_back(unit_id, Lost(f"the job {job.job_id} of {unit_id} was killed"))

    def _listed(self) -> frozenset[str] | None:
        """Numbers of jobs that wait or run; None when nobody knows now."""
        try:
            said = _run("squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%A")
        except UsageError as error:
            self._complaint.update(f"squeue is asked again later: {error}")
            return None
        self._complaint.update("")
        return frozenset(said.split())


def options_of(text: str) -> dict[str, str]:
    """`partition=gpu,account=a` as a mapping. Raises UsageError."""
    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if key not in OPTIONS:
            near = nearest(key, OPTIONS)
            raise UsageError(
                f"engine.address: sbatch's option {key!r} is not known here{near}; there are: "
                f"{', '.join(sorted(OPTIONS))}; or `{LOCAL}` alone"
            )
        if not equals or not value:
            raise UsageError(f"engine.address: {key} needs a value, as in {key}=VALUE")
        found[key] = value
    return found


def slurm_parameters(
    run: RunConfig, options: Mapping[str, str], node: str | None
) -> dict[str, Any]:
    """What submitit asks Slurm for: the limits of the unit, and what the user gave."""
    found: dict[str, Any] = {"cpus_per_task": math.ceil(run.resources.cpus or 1)}
    if run.resources.memory is not None and "mem" not in options:
        # The follower stands beside its agent.
        found["mem_gb"] = run.resources.memory / 1024**3 + 0.5
    if (run.resources.gpus or "").isdigit() and "gres" not in options:
        found["gpus_per_node"] = int(run.resources.gpus or 0)
    said = {key: value for key, value in options.items() if key != "partition"}
    if "partition" in options:
        found["slurm_partition"] = options["partition"]
    if node is not None:
        said["nodelist"] = node
    # A requeued job would wait below a unit that is handed out anew already.
    found["slurm_additional_parameters"] = said | {"no-requeue": True}
    return found


def check_slurm(partition: str | None) -> None:
    """Raises UsageError: no commands of Slurm, nobody answers, or the partition does not exist."""
    for command in ("sbatch", "srun", "squeue", "sinfo"):
        if shutil.which(command) is None:
            raise UsageError(
                f"the engine slurm needs {command}: start this command on a login node of the cluster"
            )
    there = {name.rstrip("*") for name in _run("sinfo", "--noheader", "--format=%P").split()}
    if partition is not None and partition not in there:
        near = nearest(partition, there)
        raise UsageError(
            f"Slurm has no partition {partition!r}{near}; there are: {', '.join(sorted(there))}"
        )


def _run(*command: str) -> str:
    """Raises UsageError when it fails or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{command[0]} does not answer: {error}") from None
    if done.returncode != 0:
        raise UsageError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
    return done.stdout


def _library() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise UsageError(
            f"the engine slurm needs a library ({error}); {install(REQUIREMENTS)}"
        ) from None
    return submitit


def _has_result(job: Any) -> bool:
    return job.paths.result_pickle.exists()


def _last(error: BaseException) -> str:
    lines: Sequence[str] = str(error).strip().splitlines()
    return lines[-1][:500] if lines else type(error).__name__
