"""Programs without markers are given some, and do the same as before (lesson 30: only 17.9 % of
programs qualified).
"""

from __future__ import annotations

import ast
import textwrap

import pytest

from agents.answers.loci import mark_loci
from core.genome import Genome
from tests.agents.answers import GOOD

IMPORTS = """import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
"""
BODY = """SEED = 42
train = pd.read_csv("./input/train.csv")
test = pd.read_csv("./input/test.csv")
# fill the gaps
for column in test.columns:
    train[column] = train[column].fillna(0)
    test[column] = test[column].fillna(0)
X, y = train.drop(columns="y"), train["y"]
model = RandomForestClassifier(n_estimators=100, random_state=SEED)
scores = cross_val_score(model, X, y, cv=5)
print(scores.mean())
model.fit(X, y)
prediction = model.predict_proba(test)[:, 1]
submission = pd.DataFrame({"id": test["id"], "y": prediction})
submission.to_csv("./submission/submission.csv", index=False)
"""
SCRIPT = IMPORTS + BODY
MAIN = f"{IMPORTS}\n\ndef main():\n{textwrap.indent(BODY, '    ')}\n\nif __name__ == '__main__':\n    main()\n"
NETWORK = """import pandas as pd
import torch
from torch import nn


class Rows(torch.utils.data.Dataset):
    def __init__(self, frame):
        self.frame = frame


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x):
        return self.layers(x)


def train_one_epoch(net, optimizer, criterion, batches):
    for x, y in batches:
        optimizer.zero_grad()
        criterion(net(x), y).backward()
        optimizer.step()


frame = pd.read_csv("input/train.csv")
net = Net()
for epoch in range(3):
    train_one_epoch(net, torch.optim.Adam(net.parameters()), nn.MSELoss(), [])
pd.DataFrame({"id": [1], "y": [0.0]}).to_csv("submission/submission.csv", index=False)
"""
DENSE = (
    "import pandas as pd; a = pd.read_csv('input/x.csv'); a.to_csv('submission/submission.csv')\n"
)
IN_STRING = GOOD.replace("# %% DATA\n", 'TEXT = """\n# Data\n# Model\n"""\n').replace(
    "# %% MODEL\n", ""
)
PARTIAL = GOOD.replace("# %% TRAIN\n", "").replace("# %% POSTPROCESS\n", "")
BACKWARDS = (
    "# %% POSTPROCESS\nimport os\n# %% MODEL\nx = 1\n# %% DATA\ny = open('input/a').read()\n"
)


def gene_lines(program: str, locus: str) -> str:
    return Genome.parse(program).gene(locus)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "program",
    [
        SCRIPT,
        MAIN,
        NETWORK,
        DENSE,
        IN_STRING,
        PARTIAL,
        BACKWARDS,
        "x = 1\n",
        "x = 1",
        '"""Nothing."""\n',
        "import os\n",
    ],
    ids=[
        "script",
        "main",
        "network",
        "dense",
        "string",
        "partial",
        "backwards",
        "one",
        "no end",
        "text",
        "import",
    ],
)
def test_lesson_30_every_program_qualifies_and_no_statement_moves(program: str) -> None:
    marked = mark_loci(program)
    assert ast.dump(ast.parse(marked)) == ast.dump(ast.parse(program))
    assert Genome.parse(marked).complete
    kept = [line for line in marked.splitlines() if not line.startswith("# %% ")]
    assert kept == [line for line in program.splitlines() if not line.startswith("# %% ")]
    assert mark_loci(marked) == marked


@pytest.mark.parametrize("program", [SCRIPT, MAIN], ids=["script", "main"])
def test_statements_get_the_locus_that_they_speak_for(program: str) -> None:
    marked = mark_loci(program)
    assert "read_csv" in gene_lines(marked, "DATA")
    assert "# fill the gaps" in gene_lines(marked, "DATA")
    assert "RandomForestClassifier(" in gene_lines(marked, "MODEL")
    assert "cross_val_score(" in gene_lines(marked, "TRAIN")
    assert "model.fit" in gene_lines(marked, "TRAIN")
    assert "to_csv" in gene_lines(marked, "POSTPROCESS")
    assert "import pandas" in Genome.parse(marked).gene(None)


def test_a_network_has_its_classes_in_model_and_its_loop_in_train() -> None:
    marked = mark_loci(NETWORK)
    assert "class Net" in gene_lines(marked, "MODEL")
    assert "def train_one_epoch" in gene_lines(marked, "TRAIN")
    assert "to_csv" in gene_lines(marked, "POSTPROCESS")


def test_markers_that_the_author_set_stay() -> None:
    before, after = Genome.parse(PARTIAL), Genome.parse(mark_loci(PARTIAL))
    assert after.gene("DATA") == before.gene("DATA")
    assert after.gene("TRAIN").startswith("# %% TRAIN\nmodel")
    assert mark_loci(GOOD) == GOOD


def test_what_is_no_python_stays_as_it_is() -> None:
    assert mark_loci("def f(:\n# Data\n") == "def f(:\n# Data\n"
    assert mark_loci("") == ""


def test_an_ordinary_comment_is_no_heading() -> None:
    program = mark_loci(
        GOOD.replace("# %% MODEL", "# %% MODEL\n# data is ready here\n# trained below")
    )
    assert "# data is ready here\n# trained below" in program
