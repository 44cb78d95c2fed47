"""Specification files: what is right, and each way to be wrong with the line that says so."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from swarm_host.errors import SpecError
from swarm_host.records import BuildConfig, Mount, Outputs, Resources, RunConfig, Secret
from swarm_host.spec.loading import Spec, load, parse
from swarm_host.spec.show import as_yaml
from swarm_host.words.expand import Scope

SCOPE = Scope(
    own={"run_id": "r1"},
    environ={"DATA": "/data", "OPENAI_API_KEY": "sk-123456", "LABEL": "label-x"},
    home="/home/ada",
    base="/here",
)
WHOLE = """\
agent_image: my-agent:latest
command: [python, agent.py, --data, "$DATA", --steps, 7]
workspace: ./runs/${run_id}
mounts:
  - ~/.cache/mlebench/data/x/prepared/public:/root/.cache/mlebench/data/x/prepared/public
  - $DATA:/data/in:rw
  - {source: ./code, target: /home/code_in, read_only: false}
env:
  LABEL: $LABEL
  OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}
  WANDB_API_KEY:
  VERSION: 1.10
  DEBUG: true
  RUN: run-${run_id}
resources: {gpus: all, cpus: 2.5, memory: 16g, shm: 512 MiB, pids: 500, disk: 1.5T}
timeout: 1h30m
backend: docker
network: none
outputs: {submission: /home/workspace/output, code: , logs: /home/logs}
allow_private: true
mle_bench: true
build:
  context: .
  dockerfile: Dockerfile.agent
  platform: linux/amd64
  build_args: [GITHUB_TOKEN, "VERSION=2"]
  pull: false
  no_cache: true
  tag: other:1
  push: false
"""
SMALL = "agent_image: i\nworkspace: w\n"


def run_of(text: str, *overrides: str) -> RunConfig:
    run = parse(text.encode(), "x.yaml", overrides, SCOPE).run
    assert run is not None
    return run


def problems_of(text: str, *overrides: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(text.encode(), "x.yaml", overrides, SCOPE)
    return str(caught.value).splitlines()


def test_every_key() -> None:
    assert run_of(WHOLE) == RunConfig(
        agent_image="my-agent:latest",
        command=("python", "agent.py", "--data", "/data", "--steps", "7"),
        workspace="/here/runs/r1",
        mounts=(
            Mount("/here/runs/r1", "/home/workspace", read_only=False),
            Mount(
                "/home/ada/.cache/mlebench/data/x/prepared/public",
                "/root/.cache/mlebench/data/x/prepared/public",
            ),
            Mount("/data", "/data/in", read_only=False),
            Mount("/here/code", "/home/code_in", read_only=False),
        ),
        env={
            "LABEL": Secret("LABEL"),
            "OPENAI_API_KEY": Secret("OPENAI_API_KEY"),
            "WANDB_API_KEY": Secret("WANDB_API_KEY"),
            "VERSION": "1.10",
            "DEBUG": "true",
            "RUN": "run-r1",
        },
        resources=Resources(
            cpus=2.5,
            memory=16 * 1024**3,
            gpus="all",
            shm=512 * 1024**2,
            disk=1536 * 1024**3,
            pids=500,
        ),
        timeout=5400.0,
        backend="docker",
        build=BuildConfig(
            context="/here",
            dockerfile="Dockerfile.agent",
            tag="other:1",
            platform="linux/amd64",
            build_args={"GITHUB_TOKEN": Secret("GITHUB_TOKEN"), "VERSION": "2"},
            no_cache=True,
        ),
        network="none",
        outputs=Outputs(submission="/home/workspace/output", code=None, logs="/home/logs"),
        mle_bench=True,
        allow_private=True,
    )


def test_defaults_are_those_of_the_records() -> None:
    assert run_of(SMALL) == RunConfig(
        agent_image="i",
        command=(),
        workspace="/here/w",
        mounts=(Mount("/here/w", "/home/workspace", read_only=False),),
        mle_bench=False,
    )


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("command: python  agent.py 'a b' $$X", "command: [python, agent.py, a b, $$X]"),
        ("timeout: 90", "timeout: 90s"),
        ("timeout: 12h", "timeout: 0.5d"),
        ("resources: {memory: 17179869184}", "resources: {memory: 16G}"),
        ("resources: {memory: 16gb}", "resources: {memory: 16GiB}"),
        ("resources: {gpus: 0}", "resources: {}"),
        ("env: [A=1, B]", "env: {A: '1', B: }"),
        ("env: {A: yes}", "env: {A: 'yes'}"),
        ("env: {A: 12:30}", "env: {A: '12:30'}"),
        ("env: {A: 2024-01-01}", "env: {A: '2024-01-01'}"),
        ("env: {A: 010}", "env: {A: '010'}"),
        ("mounts:", "mounts: []"),
        ("mounts: ['/a:/b:ro']", "mounts: [{source: /a, target: /b}]"),
        ("mounts: ['${X:-/a}:/b']", "mounts: ['/a:/b']"),
        ("build: {dockerfile: ~/D}", "build: {dockerfile: /home/ada/D}"),
        ("env: &e {A: '1'}\nbuild: {build_args: *e}", "env: {A: '1'}\nbuild: {build_args: [A=1]}"),
        (
            "build: {build_args: {<<: [{A: x}, {A: y, B: z}], B: w}}",
            "build: {build_args: [A=x, B=w]}",
        ),
    ],
)
def test_spellings_of_the_same(text: str, same: str) -> None:
    assert run_of(SMALL + text) == run_of(SMALL + same)


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("w", "/here/w", "/home/workspace"),
        ("w:/home/out", "/here/w", "/home/out"),
        ("{host: ~/w, container: /home/out}", "/home/ada/w", "/home/out"),
        ("{host: w}", "/here/w", "/home/workspace"),
        ("${X:-w}", "/here/w", "/home/workspace"),
        ("w:/home/${X:-out}-${run_id}", "/here/w", "/home/out-r1"),
        ("${X:-w}:${X:-/home/out}", "/here/w", "/home/out"),
        ("w:${run_id}", "/here/w:r1", "/home/workspace"),
    ],
)
def test_workspace(text: str, source: str, target: str) -> None:
    run = run_of(f"agent_image: i\nworkspace: {text}\n")
    assert run.workspace == source
    assert run.mounts == (Mount(source, target, read_only=False),)


def test_a_mount_of_ones_own_at_the_workspace_is_kept() -> None:
    run = run_of(SMALL + "mounts: ['/other:/home/workspace:rw']")
    assert run.mounts == (Mount("/other", "/home/workspace", read_only=False),)


def test_typed_values_may_be_variables() -> None:
    run = run_of(
        SMALL + "network: ${NET:-none}\ntimeout: ${LIMIT:-2h}\nresources: {cpus: '${CPUS:-1.5}', "
        "memory: '${MEM:-8}g', gpus: '${GPUS:-0}'}\nbuild: {platform: 'linux/${ARCH:-amd64}'}"
    )
    assert (run.network, run.timeout, run.build and run.build.platform) == (
        "none",
        7200.0,
        "linux/amd64",
    )
    assert run.resources == Resources(cpus=1.5, memory=8 * 1024**3)
    assert "$NT is not set" in problems_of(SMALL + "network: $NT")[0]
    assert "expected bridge" in problems_of(SMALL + "network: ${NET:-some}")[0]


def test_a_sandbox_elsewhere_sees_no_workspace_of_this_machine() -> None:
    for backend in ("modal", "daytona"):
        run = run_of(SMALL + f"backend: {backend}\nimage_source: flatten\nbuild: {{}}")
        assert (run.backend, run.image_source, run.mounts) == (backend, "flatten", ())


def test_the_local_backend_needs_a_command_and_no_image() -> None:
    run = run_of("backend: local\ncommand: [python, a.py]\nworkspace: w\n")
    assert (run.agent_image, run.mounts) == (None, ())
    said = problems_of("backend: local\nworkspace: w\nagent_image: i\nbuild: {}\n")
    assert [line.partition(": ")[2] for line in said] == [
        "command is missing: the local backend starts a program",
        "agent_image: the local backend uses no image; backend: docker does",
        "build: the local backend uses no image; backend: docker does",
    ]


BAD = [
    # text below SMALL (which has two lines), then what is said of it
    ("comand: x", "x.yaml:3: comand: unknown key; nearest: command"),
    ("zzz: x", "x.yaml:3: zzz: unknown key; known: agent_image, "),
    ("resources:\n  memroy: 16g", "x.yaml:4: resources.memroy: unknown key; nearest: memory"),
    ("build:\n\n  contxt: .", "x.yaml:5: build.contxt: unknown key; nearest: context"),
    ("outputs: {sub: /x}", "x.yaml:3: outputs.sub: unknown key; known: code, logs, submission"),
    ("command: {a: b}", "x.yaml:3: command: expected a text, got a mapping"),
    ("command: [a, [b]]", "x.yaml:3: command.1: expected a text, got a list"),
    ("command: [a, true]", "x.yaml:3: command.1: expected a text, got true: put it in quotes"),
    ("command: a && b", 'x.yaml:3: command: no shell reads this: write ["bash", "-c", "..."]'),
    ("command: a $(b)", "x.yaml:3: command: no shell reads this"),
    ("command: a 'b", "x.yaml:3: command: No closing quotation"),
    ("command: a ${{ secrets.X }}", "x.yaml:3: command: secrets may stand in env and build_args"),
    ("command: [a, '${{ secrets.X }}']", "x.yaml:3: command.1: secrets may stand in env and"),
    ("command: a $OPENAI_API_KEY", "x.yaml:3: command: $OPENAI_API_KEY looks like a secret"),
    ("command: a $DTA", "x.yaml:3: command: $DTA is not set; nearest: DATA"),
    ("agent_image: j", "x.yaml:3: agent_image: stands twice; first x.yaml:1"),
    ("env:\n  A: 1\n  A: 2", "x.yaml:5: env.A: stands twice; first x.yaml:4"),
    ("env: [A=1, A=2]", "x.yaml:3: env.1: A stands twice"),
    ("env: {1A: x}", "x.yaml:3: env.1A: '1A' is no name of a variable"),
    ("env: {A: [x]}", "x.yaml:3: env.A: expected a text, got a list"),
    ("env: 7", "x.yaml:3: env: expected a mapping or a list of NAME=value, got '7'"),
    ("env: {A: 'x ${{ secrets.B }}'}", "x.yaml:3: env.A: a secret must be the whole value"),
    ("env: {A: 'B $OPENAI_API_KEY'}", "x.yaml:3: env.A: $OPENAI_API_KEY looks like a secret"),
    ('env: {A: "x\\0y"}', "x.yaml:3: env.A: must not hold NUL"),
    ("mounts: {a: b}", "x.yaml:3: mounts: expected a list, got a mapping"),
    ("mounts: [/a]", "x.yaml:3: mounts.0: expected SOURCE:TARGET or SOURCE:TARGET:ro or :rw, got"),
    ("mounts: ['/a:/b:rx']", "x.yaml:3: mounts.0: expected SOURCE:TARGET or"),
    ("mounts: ['/a:b']", "x.yaml:3: mounts.0: expected an absolute path in the container, got 'b'"),
    ("mounts: ['/a:/']", "x.yaml:3: mounts.0: expected an absolute path in the container"),
    ("mounts: ['/a:/b/../c']", "x.yaml:3: mounts.0: expected an absolute path in the container"),
    ("mounts: ['/a:/b', '/c:/b/']", "x.yaml:3: mounts.1: two mounts at /b"),
    ("mounts: [{source: /a}]", "x.yaml:3: mounts.0: target is missing"),
    (
        "mounts: [{source: /a, target: /b, mode: ro}]",
        "x.yaml:3: mounts.0.mode: unknown key; known: read_only, source",
    ),
    ("mounts: ['~bob/x:/b']", "x.yaml:3: mounts.0: ~bob: only ~ by itself is known"),
    ("resources: 4", "x.yaml:3: resources: expected a mapping, got '4'"),
    ("resources: {memory: 16}", "x.yaml:3: resources.memory: '16' is less than 6 MiB: is the unit"),
    ("resources: {memory: 16q}", "x.yaml:3: resources.memory: expected a size such as 16g or"),
    ("resources: {memory: -16g}", "x.yaml:3: resources.memory: expected a size such as"),
    ("resources: {memory: [1]}", "x.yaml:3: resources.memory: expected a size such as"),
    ("resources: {cpus: two}", "x.yaml:3: resources.cpus: expected a number, got 'two'"),
    ("resources: {cpus: 0}", "x.yaml:3: resources.cpus: must be above 0, got '0'"),
    ("resources: {cpus: .nan}", "x.yaml:3: resources.cpus: expected a number, got '.nan'"),
    ("resources: {cpus: 1e999}", "x.yaml:3: resources.cpus: must be finite"),
    ("resources: {cpus: true}", "x.yaml:3: resources.cpus: expected a number, got 'true'"),
    ("resources: {pids: 1.5}", "x.yaml:3: resources.pids: expected a whole number, got '1.5'"),
    ("resources: {pids: 0}", "x.yaml:3: resources.pids: must be at least 1, got '0'"),
    ("resources: {gpus: some}", "x.yaml:3: resources.gpus: expected all, a number or device=0,1"),
    ("resources: {gpus: -1}", "x.yaml:3: resources.gpus: must be at least 0, got '-1'"),
    ("timeout: soon", "x.yaml:3: timeout: expected a time such as 12h, 1h30m or seconds, got"),
    ("timeout: 0", "x.yaml:3: timeout: must be above 0 and at most 30d, got '0'"),
    ("timeout: 31d", "x.yaml:3: timeout: must be above 0 and at most 30d, got '31d'"),
    ("timeout: 1.2.3h", "x.yaml:3: timeout: expected a time"),
    ("timeout: 1:30:00", "x.yaml:3: timeout: expected a time such as"),
    (
        "backend: dokcer",
        "backend: expected daytona, docker, local, modal; got 'dokcer'; nearest: d",
    ),
    ("network: off", "x.yaml:3: network: expected bridge, host, none; got 'off'"),
    ("image_source: flatten", "x.yaml:3: image_source: is for cloud backends; this is docker"),
    ("allow_private: yes", "x.yaml:3: allow_private: expected true or false, got 'yes'"),
    ("build: {push: true}", "x.yaml:3: build.push: images are not pushed from here"),
    (
        "build: {platform: amd64}",
        "x.yaml:3: build.platform: expected a platform such as linux/amd64",
    ),
    ("build: {pull: never}", "x.yaml:3: build.pull: expected true or false, got 'never'"),
    ("build: [.]", "x.yaml:3: build: expected a mapping, got a list"),
    ("engine: spark", "x.yaml:3: engine: expected dask, local, ray, slurm; got 'spark'"),
    ("width: 0", "x.yaml:3: width: must be from 1 to 256, got '0'"),
    ("? [a]\n: b", "x.yaml:3: a key must be a word"),
    ("env: *nowhere", "x.yaml:3: found undefined alias"),
    ("env: !!python/object:os.system {}", "x.yaml:3: env: the tag tag:yaml.org,2002:python/object"),
    ("env: !secret X", "x.yaml:3: env: the tag !secret is not known"),
    ("env: {A: !!binary aGk=}", "x.yaml:3: env.A: the tag tag:yaml.org,2002:binary is not known"),
    ("command: &c [*c]", "x.yaml:3: command.0.0.0"),
    ("command: " + "[" * 50 + "]" * 50, "nested too deeply"),
    ("command: " + "[" * 5000, "x.yaml: nested too deeply"),
    ("\tenv: x", "x.yaml:3: found character '\\t' that cannot start any token"),
    ("env: {A: x", "x.yaml:4: expected ',' or '}'"),
    ("---\na: b", "x.yaml:3: but found another document"),
    ("env: {A: x, <<: 7}", "x.yaml:3: env: << takes mappings, got '7'"),
    ("a: \x01", "x.yaml: unacceptable character"),
]


@pytest.mark.parametrize(("text", "says"), BAD, ids=[text[:40] for text, _ in BAD])
def test_bad_input(text: str, says: str) -> None:
    said = problems_of(SMALL + text + "\n")
    assert says in said[0]
    assert "sk-123456" not in said[0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "x.yaml: empty"),
        (b"# nothing\n", "x.yaml: empty"),
        (b"just text", "x.yaml:1: expected a mapping, got 'just text'"),
        (b"- a\n- b\n", "x.yaml:1: expected a mapping, got a list"),
        (b"a: \xff\xfe", "x.yaml: not UTF-8 at byte 3"),
        (b"a: b\n" * 300_000, "x.yaml: larger than 1 MiB"),
        (b"agent_image: i\n", "x.yaml:1: workspace is missing"),
        (b"workspace: w\n", "x.yaml:1: agent_image is missing"),
        (b"agent_image: --privileged\nworkspace: w\n", "no name of an image"),
        (b"agent_image: 'a b'\nworkspace: w\n", "no name of an image"),
        (b"agent_image: i\nworkspace: {hots: w}\n", "workspace.hots: unknown key; nearest: host"),
        (b"agent_image: i\nworkspace: ''\n", "x.yaml:2: workspace: a path must not be empty"),
    ],
)
def test_bad_files(data: bytes, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(data, "x.yaml", (), SCOPE)
    assert says in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.yaml: No such file"):
        load(tmp_path / "none.yaml", (), SCOPE)
    with pytest.raises(SpecError, match="directory"):
        load(tmp_path, (), SCOPE)


def test_all_problems_are_told_at_once() -> None:
    said = problems_of("agent_image: i\nworkspac: w\ntimeout: x\nresources: {cpus: x, gpu: 1}\n")
    assert [line.split(": ")[0] for line in said] == [
        "x.yaml:3",
        "x.yaml:4",
        "x.yaml:4",
        "x.yaml:1",
        "x.yaml:2",
    ]


def starts_of(said: list[str]) -> list[str]:
    """Line, key and the first word of each."""
    return [": ".join(line.split(": ")[:2]) + " " + line.split(": ")[2].split()[0] for line in said]


def test_every_unset_variable_of_a_file_is_told() -> None:
    """Of one text, of a mapping, of a list, of a mount, and of a mount after a wrong one."""
    said = problems_of(
        "agent_image: $NO_A/${NO_B}:$NO_A\nworkspace: $NO_C:/$NO_D\n"
        "env:\n  A: $NO_E\n  B: x-$OPENAI_API_KEY\n  C: '${NO_F:-$NO_G}'\n  1D: x\n"
        "command:\n  - $NO_H\n  - ${NO_I\n"
        "mounts:\n  - $NO_J:/$NO_K\n  - nonsense\n"
    )
    assert len(said) == len(set(said)) == 13
    assert set(starts_of(said)) == {
        "x.yaml:4: env.A $NO_E",
        "x.yaml:5: env.B $OPENAI_API_KEY",
        "x.yaml:6: env.C $NO_G",
        "x.yaml:7: env.1D '1D'",
        *("x.yaml:12: mounts.0 $NO_J", "x.yaml:12: mounts.0 $NO_K", "x.yaml:13: mounts.1 expected"),
        *("x.yaml:1: agent_image $NO_A", "x.yaml:1: agent_image $NO_B"),
        *("x.yaml:9: command.0 $NO_H", "x.yaml:10: command.1 ${NO_I"),
        *("x.yaml:2: workspace $NO_C", "x.yaml:2: workspace $NO_D"),
    }


def test_keys_that_stand_twice_hide_no_other_mistake() -> None:
    said = problems_of(
        SMALL + "timeout: 1h\ntimeout: 2h\nresources: {cpus: x}\n"
        "env: {A: b, A: c, B: $NO_A}\nmatrix:\nmatrix:\n",
        "no equals",
        "workspace.a=b",
    )
    assert [line.split(": ")[0] for line in said] == [
        *("x.yaml:4", "x.yaml:6", "x.yaml:8"),
        *("command line", "command line"),
        *("x.yaml:5", "x.yaml:6"),
    ]
    said = problems_of(SMALL + "env: [A=1, 1BAD=3, A=2, B=$NO_B]\n")
    assert starts_of(said) == [
        "x.yaml:3: env.1 '1BAD'",
        "x.yaml:3: env.2 A",
        "x.yaml:3: env.B $NO_B",
    ]


def test_every_wrong_item_of_a_list_is_told() -> None:
    text = "matrix: {agents: [a, a, '..'], competitions: [c, 'x y'], seeds: [1, 1, x]}\n"
    assert len(problems_of(text)) == 5


def test_a_byte_order_mark_is_no_key() -> None:
    spec = parse(b"\xef\xbb\xbf" + SMALL.encode(), "x.yaml", (), SCOPE)
    assert spec.run is not None


def test_overrides() -> None:
    run = run_of(
        SMALL + "mounts: ['/a:/b']\nenv: {A: x, B: y}",
        "timeout=2h",
        "resources.memory=8g",
        "env.A=z",
        "env.OPENAI_API_KEY=${{ secrets.OPENAI_API_KEY }}",
        "mounts.0=/c:/b:rw",
        "command=[python, x.py]",
        "network=none",
        "agent_image=",
        "agent_image=j",
    )
    assert (run.timeout, run.resources.memory, run.network) == (7200.0, 8 * 1024**3, "none")
    assert run.env == {"A": "z", "B": "y", "OPENAI_API_KEY": Secret("OPENAI_API_KEY")}
    assert run.mounts[1] == Mount("/c", "/b", read_only=False)
    assert (run.command, run.agent_image) == (("python", "x.py"), "j")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("timeout", "command line: 'timeout': an override is key=value"),
        ("=x", "command line: '=x': an override is key=value"),
        ("a..b=x", "command line: 'a..b=x': an override is key=value"),
        ("timout=1h", "command line: timout: unknown key; nearest: timeout"),
        ("resources.memory=lots", "command line: resources.memory: expected a size"),
        ("timeout.x=1", "command line: timeout.x: timeout is '5', not a mapping"),
        ("mounts.1=/a:/b", "command line: mounts.1: mounts is a list of 1: '1' is no place in it"),
        ("mounts.x=/a:/b", "command line: mounts.x: mounts is a list of 1: 'x' is no place in it"),
        ("command=[a", "command line: command:1: "),
        ("env.A={B: c}", "command line: env.A: expected a text, got a mapping"),
    ],
)
def test_bad_overrides(override: str, says: str) -> None:
    said = problems_of(SMALL + "timeout: 5\nmounts: ['/a:/b']\n", override)
    assert said[0].startswith(says)


MATRIX = """\
matrix:
  agents: [swarm-evo/recipes, dummy]
  competitions: [churn, grants]
  seeds: 3
  source: folder
  source_root: ~/mine
engine: {name: dask, address: "tcp://127.0.0.1:8786"}
width: 2
budget: {hours: 10, usd: 5.5, tokens: 1000000}
notes: first try
timeout: 20m
backend: local
env: {NAME: "${agent}-${seed}", LABEL: $LABEL}
resources: {cpus: 1}
mounts: ["./shared_${competition}:/home/shared"]
"""


def matrix_of(text: str) -> Spec:
    return parse(text.encode(), "m.yaml", (), SCOPE)


def test_matrix() -> None:
    spec = matrix_of(MATRIX)
    assert spec.run is None
    assert spec.matrix is not None
    assert spec.matrix.agents == ("swarm-evo/recipes", "dummy")
    assert spec.matrix.competitions == ("churn", "grants")
    assert spec.matrix.seeds == (0, 1, 2)
    assert (spec.matrix.source, spec.matrix.source_root) == ("folder", "/home/ada/mine")
    place = spec.placement
    assert (place.engine, place.address, place.width) == ("dask", "tcp://127.0.0.1:8786", 2)
    assert (place.budget_hours, place.budget_usd, place.budget_tokens) == (10.0, 5.5, 1_000_000)
    assert place.notes == "first try"


def test_what_a_matrix_lays_over_its_agents() -> None:
    agent = RunConfig(
        agent_image="a:1",
        command=("go",),
        workspace="/w",
        mounts=(Mount("/pub", "/home/data"),),
        env={"NAME": "old", "KEPT": "x"},
        resources=Resources(cpus=8, memory=10**9),
        network="none",
    )
    run = matrix_of(MATRIX).overlay("dummy", "grants", 2).over(agent)
    assert run == replace(
        agent,
        backend="local",
        timeout=1200.0,
        resources=Resources(cpus=1, memory=10**9),
        env={"NAME": "dummy-2", "KEPT": "x", "LABEL": Secret("LABEL")},
        mounts=(Mount("/pub", "/home/data"), Mount("/here/shared_grants", "/home/shared")),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("matrix: [a]", "m.yaml:1: matrix: expected a mapping, got a list"),
        ("matrix: {competitions: [c]}", "m.yaml:1: matrix: agents is missing"),
        ("matrix: {agents: [a]}", "m.yaml:1: matrix: competitions is missing"),
        ("matrix: {agents: [], competitions: c}", "m.yaml:1: matrix.agents: must not be empty"),
        (
            "matrix: {agents: a, competitions: c}",
            "m.yaml:1: matrix.agents: expected a list, got 'a'",
        ),
        ("matrix: {agents: [a, a], competitions: c}", "matrix.agents.1: 'a' stands twice"),
        ("matrix: {agents: [a], competitions: [../c]}", "matrix.competitions.0: '../c' is no name"),
        ("matrix: {agents: [a], competitions: /etc/passwd}", "'/etc/passwd' is no name"),
        (
            "matrix: {agents: [a], competitions: c, seeds: [1, 1]}",
            "matrix.seeds.1: '1' stands twice",
        ),
        ("matrix: {agents: [a], competitions: c, seeds: [-1]}", "matrix.seeds.0: must be from 0"),
        ("matrix: {agents: [a], competitions: c, seeds: x}", "seeds: expected a whole number"),
        ("matrix: {agents: [a], competitions: [c, d], seeds: 1001}", "at most 2000 units"),
        ("matrix: {agents: [a], competitions: c, sources: 1}", "unknown key; nearest: source"),
        (
            "matrix: {agents: [a], competitions: c, source: kagle}",
            "expected folder, mlebench, pack",
        ),
        (
            "matrix: {agents: [a], competitions: c}\nagent_image: i",
            "not beside a matrix: agents of",
        ),
        (
            "matrix: {agents: [a], competitions: c}\nenv: {A: $agnt}",
            "$agnt is not set; nearest: agent",
        ),
        ("matrix: {agents: [a], competitions: c}\nbudget: {hours: 0}", "must be above 0"),
        ("matrix: {agents: [a], competitions: c}\nbudget: {hour: 1}", "nearest: hours"),
        ("matrix: {agents: [a], competitions: c}\nengine: {nam: ray}", "engine.nam: unknown key"),
    ],
)
def test_bad_matrices(text: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        matrix_of(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", [WHOLE, SMALL, SMALL + "command: [bash, -c, 'echo $$X']", MATRIX])
def test_a_printed_file_means_the_same_and_holds_no_secret(text: str) -> None:
    spec = parse(text.encode(), "x.yaml", (), SCOPE)
    printed = as_yaml(spec)
    again = parse(printed.encode(), "x.yaml", (), SCOPE)
    assert (again.run, again.matrix, again.placement) == (spec.run, spec.matrix, spec.placement)
    if spec.matrix:
        assert again.overlay("a", "c", 1) == spec.overlay("a", "c", 1)
    assert "sk-123456" not in printed
    assert isinstance(yaml.safe_load(printed), dict)


PIECES = [
    *(
        "${",
        "}",
        "$",
        "{",
        "[",
        "]",
        ": ",
        "- ",
        "\n",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!x ",
        "'",
        '"',
    ),
    *(
        "|",
        "> ",
        "? ",
        "~",
        "null",
        "1e999",
        "\t",
        "\0",
        "\u2028",
        "%",
        "@",
        ",",
        "/",
        "-1",
        "true",
    ),
    *("${{ secrets.X }}", "$DATA", "matrix:", "\r\n", "---\n", "...\n"),
]


def test_a_damaged_file_is_told_or_means_what_it_prints() -> None:
    """Whatever stands in a file, the answer is a SpecError or a run that can be printed and read again."""
    rng = random.Random(20)
    read = 0
    for _ in range(400):
        text = rng.choice([WHOLE, MATRIX, SMALL + "mounts: ['/a:/b']\n"])
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(PIECES) + text[at + rng.choice([0, 0, 1, 3, 20]) :]
        try:
            spec = parse(text.encode(), "x.yaml", (), SCOPE)
        except SpecError:
            continue
        read += 1
        again = parse(as_yaml(spec).encode(), "y.yaml", (), SCOPE)
        assert (again.run, again.matrix, again.placement) == (spec.run, spec.matrix, spec.placement)
    assert read > 5
