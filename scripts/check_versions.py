"""Guards the packages of the base image during an installation: notes them before, compares them
after.

NAMES is a constraints file; the packages that it names must keep their versions. `compare` also
fails when `pip check` finds a broken dependency that it did not find before. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Without these no program of the recipes runs.
NEEDED = ("numpy", "pandas", "scikit-learn")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def names_in(constraints: str) -> list[str]:
    """The packages that a constraints file names, in its order."""
    return [match[0] for line in constraints.splitlines() if (match := _NAME.match(line.strip()))]


def installed(names: Iterable[str]) -> dict[str, str]:
    """Version by name of those that this interpreter has."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def complaints() -> list[str]:
    """What `pip check` says, without the version at hand: the same broken need is the same line
    before and after.
    """
    command = [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return sorted(line.split(", but you have")[0] for line in lines if " require" in line)


def moved(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """One line for each package that changed, came or went."""
    return [
        f"{name}: {before.get(name, 'not installed')} -> {after.get(name, 'not installed')}"
        for name in sorted({**before, **after})
        if before.get(name) != after.get(name)
    ]


def record(names: list[str], state: Path) -> int:
    found = installed(names)
    if missing := [name for name in NEEDED if name not in installed(NEEDED)]:
        return fail(
            f"the base's environment lacks {', '.join(missing)}: build mlebench-env with its heavy dependencies"
        )
    state.write_text(json.dumps({"versions": found, "complaints": complaints()}))
    print("must not move:", ", ".join(f"{name} {number}" for name, number in found.items()))
    return 0


def compare(names: list[str], state: Path) -> int:
    before = json.loads(state.read_text())
    new = [line for line in complaints() if line not in before["complaints"]]
    problems = [f"moved: {line}" for line in moved(before["versions"], installed(names))]
    problems += [f"broken: {line}" for line in new]
    if problems:
        return fail("the installation changed the base: " + "; ".join(problems))
    print(f"unmoved: {len(before['versions'])} packages; pip check found nothing new")
    return 0


def fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["record", "compare"])
    parser.add_argument("names", type=Path, metavar="NAMES", help="constraints file")
    parser.add_argument(
        "state", type=Path, metavar="STATE", help="file that keeps the versions in between"
    )
    options = parser.parse_args()
    try:
        names = names_in(options.names.read_text())
        return (record if options.step == "record" else compare)(names, options.state)
    except OSError as error:
        return fail(str(error))


if __name__ == "__main__":
    sys.exit(main())
