"""Models answer with the part that they were asked for: it is put into the program and counts for
no more.
"""

from __future__ import annotations

import pytest

from agents.answers.answer import read_answer
from agents.answers.attempt import Attempt, Examiner
from agents.answers.partial import with_parts
from core.genome import LOCI, Genome, changed_loci, normalised_digest
from core.records import Answer
from tests.agents.answers import GOOD, PARENT, PLAN, brief, fence, parent

MODEL = """# %% MODEL
def build():
    return HistGradientBoostingClassifier(learning_rate=0.1)

"""
EMPTY = "# %% DATA\n# %% TRAIN\n# nothing\n# %% POSTPROCESS\n"


def examined(answer: str, kind: str = "mutate", locus: str | None = "MODEL") -> Attempt:
    asked = brief(kind, [parent()], locus)
    return Examiner(lambda program: (), lambda key: False).examine(asked, Answer(answer), [PARENT])


@pytest.mark.parametrize(
    "part", [MODEL, MODEL + EMPTY, MODEL.replace("# %% MODEL", "# === Model ===")]
)
def test_the_part_of_the_brief_alone_is_an_answer(part: str) -> None:
    attempt = examined(f"{PLAN}\n{fence(part)}")
    assert attempt.reasons == ()
    assert attempt.locus == "MODEL"
    assert normalised_digest(attempt.program) == normalised_digest(GOOD)


def test_a_part_without_a_line_to_spare_is_found() -> None:
    assert "learning_rate" in read_answer(f"Here it is:\n{fence(MODEL)}").program


def test_imports_above_a_part_come_along() -> None:
    text = with_parts(PARENT, f"from sklearn.svm import SVC\n{MODEL}")
    assert text is not None
    assert changed_loci(Genome.parse(PARENT), Genome.parse(text)) == {"MODEL"}
    assert "# %% MODEL\nfrom sklearn.svm import SVC\ndef build():" in text


def test_a_merge_may_answer_with_two_parts() -> None:
    other = GOOD.replace("model.fit(X, y)", "model.fit(X.fillna(0), y)")
    train = Genome.parse(other).gene("TRAIN")
    attempt = examined(f"{PLAN}\n{fence(MODEL + train)}", "merge", None)
    assert attempt.reasons == ()
    assert changed_loci(Genome.parse(PARENT), Genome.parse(attempt.program)) == {"MODEL", "TRAIN"}


@pytest.mark.parametrize(
    "answer",
    [
        "seed = 1\n" + MODEL,
        EMPTY,
        "# %% MODEL\ndef build(:\n",
        "def build():\n    return 1\n",
    ],
)
def test_what_is_no_part_stays_what_it_is(answer: str) -> None:
    assert with_parts(PARENT, answer) is None


def test_a_part_for_a_program_without_markers_is_no_answer() -> None:
    assert with_parts("import os\nprint(os)\n", MODEL) is None


def test_the_same_part_again_is_refused_as_a_copy() -> None:
    attempt = examined(f"{PLAN}\n{fence(Genome.parse(PARENT).gene('MODEL'))}")
    assert attempt.reasons == ("the program does the same as its parent or an earlier program",)


def test_a_merge_may_answer_with_all_parts_and_leave_out_what_stands_above_them() -> None:
    base = PARENT.replace("# %% DATA", "SEED = 3\n\n# %% DATA")
    parts = "".join(Genome.parse(GOOD).gene(locus) for locus in LOCI)
    parts = parts.replace('test.csv")', 'test.csv", nrows=SEED)')
    asked = brief("merge", [parent(base)])
    answer = Answer(f"{PLAN}\n{fence(parts)}")
    attempt = Examiner(lambda program: (), lambda key: False).examine(asked, answer, [base])
    assert attempt.reasons == ()
    assert "SEED = 3" in attempt.program
