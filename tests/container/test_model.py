"""A run with a language model: the image's own clients against a scripted server, over the network
of this machine.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.scripted_formats import Turn
from benchmark.scripted_server import HttpRequest, ScriptedServer
from tests.container.checks import check_relay, check_trained
from tests.container.engine import Container

pytestmark = pytest.mark.container

KEY = "secret-key-of-a-user-4711"
STEPS = 4
PROGRAM = """import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# %% DATA
train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
sample = pd.read_csv("input/sample_submission.csv")
columns = ["tenure", "monthly_charges", "senior_citizen", "paperless_billing"]
# %% MODEL
model = make_pipeline(StandardScaler(), LogisticRegression(C=@C@))
# %% TRAIN
model.fit(train[columns], train["churn"])
# %% POSTPROCESS
chances = pd.Series(model.predict_proba(test[columns])[:, 1], index=test["id"])
sample["churn"] = sample["id"].map(chances)
sample.to_csv("submission/submission.csv", index=False)
"""


def another(seen: HttpRequest) -> Turn:
    """Another penalty for each request."""
    program = PROGRAM.replace("@C@", f"{0.001 * seen.number:.3f}")
    return Turn(
        f"PLAN: logistic regression with C {seen.number} / 1000\n\n```python\n{program}```\n"
    )


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_programs_of_a_model_are_run_and_the_key_stays_secret(
    vendor: str, prepared: Path, tmp_path: Path
) -> None:
    with ScriptedServer(then=another) as server:
        environ = {
            "API_KEY": KEY,
            "MODEL_NAME": "some-model",
            "LLM_PROVIDER": vendor,
            "API_BASE" if vendor == "openai" else "ANTHROPIC_BASE_URL": server.base_url(vendor),
            "TIME_LIMIT_SECS": "300",
            "STEP_LIMIT": str(STEPS),
        }
        with Container(prepared, environ, network="host") as container:
            container.start()
            relay = container.run()
            results = container.copy_out(tmp_path)
            assert relay.code == 0, relay.text[-3000:]
            check_trained(container, results, prepared)
    check_relay(relay)
    assert {seen.vendor for seen in server.requests} == {vendor}
    assert results.report["llm"]["provider"] == vendor
    assert results.report["llm"]["calls"] == len(server.requests) > 0
    assert "model" in {step["author"] for step in results.of("step") if step["verdict"]["valid"]}
    assert KEY not in relay.text
    assert not [
        path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]
