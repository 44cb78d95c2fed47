"""No mount shows answers by accident: neither through a link, nor from a parent, nor by another name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from swarm_host.records import Mount, RunConfig
from swarm_host.words import mounts
from swarm_host.words.mounts import Exposed, Unseen, exposed, problems, shows_private

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A home with a data cache of two prepared competitions, as mle-bench lays it out."""
    for name in ("cactus", "churn"):
        for kind in ("public", "private"):
            folder = tmp_path / "home" / ".cache" / "mlebench" / "data" / name / "prepared" / kind
            folder.mkdir(parents=True)
            (folder / "test.csv").write_text("id\n1\n")
    return tmp_path / "home" / ".cache" / "mlebench"


def environ(cache: Path) -> dict[str, str]:
    return {"HOME": str(cache.parents[1])}


def run(*mounted: Mount, allow: bool = False, **env: str) -> RunConfig:
    return RunConfig("image", (), "/ws", mounts=mounted, allow_private=allow, env=env)


def test_the_public_folder_is_no_problem(cache: Path) -> None:
    public = cache / "data" / "churn" / "prepared" / "public"
    fine = run(Mount(str(public), "/home/data"))
    assert problems(fine, environ(cache)) == []
    assert not shows_private(fine, environ(cache))


@pytest.mark.parametrize(
    "part",
    [
        "",
        "data",
        "data/churn",
        "data/churn/prepared",
        "data/churn/prepared/private",
        "data/churn/prepared/private/test.csv",
    ],
)
@pytest.mark.parametrize("through_link", [False, True])
def test_answers_are_found_from_every_parent(
    cache: Path, tmp_path: Path, part: str, through_link: bool
) -> None:
    source = cache / part
    if through_link:
        link = tmp_path / "link"
        link.symlink_to(source)
        source = link
    wide = run(Mount(str(source), "/data"))
    refusals = [problem for problem in problems(wide, environ(cache)) if problem.refuses]
    assert len(refusals) == 1
    assert "shows answers" in refusals[0].what
    assert "allow_private: true" in refusals[0].cure
    assert shows_private(wide, environ(cache))


def test_the_narrower_mount_is_proposed(cache: Path) -> None:
    """The mount of specification 000 itself."""
    target = "/home/cache/mlebench"
    (problem,) = problems(
        run(Mount(str(cache), target, read_only=False), COMPETITION_ID="churn"), environ(cache)
    )
    public = "data/churn/prepared/public"
    assert f"mount {cache}/{public}:{target}/{public}:ro instead" in problem.cure


def test_without_a_competition_the_first_that_is_found_stands_as_example(cache: Path) -> None:
    (problem,) = problems(run(Mount(str(cache), "/data")), environ(cache))
    assert "/prepared/public:ro instead" in problem.cure


def test_the_answers_themselves_have_their_neighbour_as_cure(cache: Path) -> None:
    private = cache / "data" / "churn" / "prepared" / "private"
    (problem,) = problems(run(Mount(str(private), "/home/data")), environ(cache))
    assert f"mount {private.parent}/public:/home/data:ro instead" in problem.cure


def test_allow_private_turns_the_refusal_into_a_warning(cache: Path) -> None:
    wide = run(Mount(str(cache), "/data"), allow=True)
    (problem,) = problems(wide, environ(cache))
    assert not problem.refuses
    assert "isolation: open" in problem.cure
    assert shows_private(wide, environ(cache))


def test_other_data_with_a_private_folder_beside_the_public_one(tmp_path: Path) -> None:
    for name in ("public", "private"):
        (tmp_path / "mine" / name).mkdir(parents=True)
    source = Mount(str(tmp_path / "mine"), "/data")
    # A folder of a web site, say.
    assert exposed([source]) == []
    (tmp_path / "mine" / "public" / "description.md").write_text("Predict y.\n")
    (found,) = exposed([source])
    assert isinstance(found, Exposed)
    assert found.private == tmp_path / "mine" / "private"
    assert found.narrower == Mount(str(tmp_path / "mine" / "public"), "/data/public")


def test_a_link_inside_a_mount_leads_nowhere_in_a_container(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(cache)
    assert exposed([Mount(str(folder), "/x")]) == []


_ASK = """
import json, sys
from pathlib import Path
from swarm_host.words.mounts import exposed
from swarm_host.records import Mount
found = exposed([Mount(sys.argv[1], "/x")], [Path(sys.argv[2])])
print(json.dumps([str(one.private) for one in found]))
"""


@pytest.mark.parametrize("part", ["", "data/churn/prepared/private"])
@pytest.mark.parametrize("below", ["", "deep"])
def test_a_bind_mount_by_another_name_is_found(
    cache: Path, tmp_path: Path, part: str, below: str
) -> None:
    """In a mount namespace of its own, so that nothing of it is left."""
    place = tmp_path / "innocent"
    (place / below).mkdir(parents=True)
    script = f'mount --bind "$1" "$2" && exec "{sys.executable}" -c "$3" "$4" "$5"'
    words = [cache / part, place / below, _ASK, place, cache / "data"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-euc", script, "sh", *map(str, words)],
        env={"PYTHONPATH": str(ROOT / "host"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "Operation not permitted" in done.stderr or "permission denied" in done.stderr:
        pytest.skip("no mount namespace of one's own here")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) != []


def test_a_mount_that_is_too_large_to_look_through_is_said(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "_MOST_ENTRIES", 3)
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(5):
        (folder / str(number)).touch()
    large = run(Mount(str(folder), "/x"))
    assert exposed(large.mounts) == [Unseen(large.mounts[0])]
    (problem,) = problems(large, environ(cache))
    assert not problem.refuses
    assert not shows_private(large, environ(cache))


def test_known_answers_are_named_below_a_mount_that_is_too_large(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "_MOST_ENTRIES", 1)
    wide = run(Mount(str(cache.parents[1]), "/x"), COMPETITION_ID="churn")
    (problem,) = problems(wide, environ(cache))
    assert problem.refuses
    assert "/churn/prepared/public:ro instead" in problem.cure


def test_the_public_folder_is_not_walked_through(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = cache / "data" / "churn" / "prepared" / "public"
    for number in range(40):
        (public / str(number)).touch()
    monkeypatch.setattr(mounts, "_MOST_ENTRIES", 30)
    found = exposed([Mount(str(cache), "/x"), Mount(str(public), "/y")])
    assert [type(one) for one in found] == [Exposed, Exposed]
    assert {one.mount.target for one in found} == {"/x"}


def test_plain_faults_of_mounts(cache: Path, tmp_path: Path) -> None:
    public = str(cache / "data" / "churn" / "prepared" / "public")
    wrong = run(
        Mount(str(tmp_path / "nowhere"), "/a"),
        Mount(public, "relative"),
        Mount(public, "/"),
        Mount(public, "/twice"),
        Mount(public, "/twice/"),
    )
    assert [problem.what.partition(":")[0] for problem in problems(wrong, environ(cache))] == [
        f"the mount's source {tmp_path}/nowhere is not there",
        "the mount's target relative is no place",
        "the mount's target / is no place",
        "two mounts go to /twice",
    ]


@pytest.mark.parametrize("name", ["docker.sock", "sub/docker.sock"])
def test_the_socket_of_docker_is_warned_of(cache: Path, tmp_path: Path, name: str) -> None:
    socket = tmp_path / name
    socket.parent.mkdir(exist_ok=True)
    socket.touch()
    dangerous = run(Mount(str(socket), "/var/run/docker.sock"))
    (problem,) = problems(dangerous, environ(cache))
    assert not problem.refuses
    assert "whole machine" in problem.what
    assert shows_private(dangerous, environ(cache))


@pytest.mark.parametrize("part", [".kaggle", ".kaggle/kaggle.json", ""])
def test_kaggle_credentials_are_warned_of(cache: Path, part: str) -> None:
    home = cache.parents[1]
    (home / ".kaggle").mkdir()
    (home / ".kaggle" / "kaggle.json").write_text("{}")
    found = problems(run(Mount(str(home / part), "/home/kaggle")), environ(cache))
    assert any("Kaggle credentials" in problem.what and not problem.refuses for problem in found)


def test_data_that_a_variable_names_are_known_beside_the_usual_ones() -> None:
    roots = mounts.data_roots({"HOME": "/home/ada", "MLEBENCH_DATA": "/data"})
    for place in ("/data", "/home/ada/.cache/mle-bench/data", "/home/ada/.cache/mlebench"):
        assert Path(place) in roots
