"""utils/config.py: the environment, words, types, and what is said when something is wrong."""

from __future__ import annotations

import dataclasses
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from utils.config import (
    Config,
    description_candidates,
    dotlist,
    find_description,
    load_config,
    public_dict,
    secrets,
    validate_config,
)
from utils.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
MLE_BENCH = ROOT / "config" / "mle_bench.yaml"
VARIABLES = (
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    *("LLM_MODEL", "LLM_PROVIDER", "TIME_LIMIT_SECS", "STEP_LIMIT"),
)

# The phase 1 check of specification 001, word for word; the picture is written as an escape.
PHASE_1 = """
from utils.config import load_config
import os
os.environ['OPENAI_API_KEY'] = 'test-key'
os.environ['OPENAI_BASE_URL'] = 'https://api.test.com'
os.environ['LLM_MODEL'] = 'gpt-4'
cfg = load_config(config_path='config/mle_bench.yaml', use_cli=False)
assert str(cfg.data.data_dir) == '/home/data'
assert cfg.environment.conda_env_name == 'agent'
print('\u2705 \u914d\u7f6e\u52a0\u8f7d\u9a8c\u8bc1\u901a\u8fc7')
"""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def load(path: Path | None = None, **overrides: object) -> Config:
    return load_config(
        path, use_cli=False, overrides={key.replace("__", "."): v for key, v in overrides.items()}
    )


def test_phase_1_of_specification_001() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PHASE_1], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("\u2705")


def test_defaults_of_specification_001() -> None:
    cfg = load()
    assert (cfg.agent.max_steps, cfg.agent.time_limit) == (150, 43200)
    assert str(cfg.data.data_dir) == "datasets/public"
    assert cfg.llm.feedback.model == "glm-4.6"
    assert load(MLE_BENCH).agent.max_steps == 100


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().agent.max_steps = 3  # type: ignore[misc]


def test_environment_values_get_the_type_of_their_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "0123")
    monkeypatch.setenv("LLM_MODEL", "4")
    monkeypatch.setenv("STEP_LIMIT", "7")
    monkeypatch.setenv("TIME_LIMIT_SECS", "90.5")
    cfg = load(MLE_BENCH)
    assert (
        cfg.llm.code.api_key,
        cfg.llm.code.model,
        cfg.agent.max_steps,
        cfg.agent.time_limit,
    ) == (
        "0123",
        "4",
        7,
        90.5,
    )


def test_an_unset_or_empty_variable_is_the_default_or_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEP_LIMIT", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    cfg = load(MLE_BENCH)
    assert (cfg.agent.max_steps, cfg.llm.code.api_key, cfg.llm.code.model) == (100, None, None)


def test_a_default_of_null_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(execution__workers="${env:NO_SUCH_VARIABLE, null}").execution.workers is None


def test_a_key_that_looks_like_a_reference_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "${env:HOME}")
    assert load().llm.code.api_key == "${env:HOME}"


def test_lesson_24_each_vendor_gets_its_own_key_and_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://openai.test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of-anthropic")
    cfg = load(llm__code__provider="anthropic")
    assert (cfg.llm.code.api_key, cfg.llm.code.base_url) == ("of-anthropic", None)
    assert (cfg.llm.feedback.api_key, cfg.llm.feedback.base_url) == (
        "of-openai",
        "http://openai.test",
    )


@pytest.mark.parametrize("value", ["abc", "-5", "0", "nan", "inf"])
def test_bad_time_limit_names_key_and_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TIME_LIMIT_SECS", value)
    with pytest.raises(
        ConfigError, match=r"^agent\.time_limit: expected .*TIME_LIMIT_SECS"
    ) as caught:
        load(MLE_BENCH)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["abc", "-5", "0", "2.5"])
def test_bad_step_limit(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STEP_LIMIT", value)
    with pytest.raises(ConfigError, match=r"^agent\.max_steps: expected .*STEP_LIMIT"):
        load(MLE_BENCH)


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("agent.max_stepz", "agent.max_steps"),
        ("exection.workers", "execution"),
        ("llm.code.key", "llm.code.api_key"),
    ],
)
def test_an_unknown_key_names_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=rf"unknown configuration key .* is {nearest}$"):
        load_config(use_cli=False, overrides={key: "1"})


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("agent.max_steps", True, "a whole number"),
        ("agent.max_steps", "${nonsense}", "nonsense"),
        ("agent", 5, "a section"),
        ("llm.code.provider", "opanai", "one of openai, anthropic, recipes"),
        ("llm.code.timeout", [1], "a finite number"),
        ("task.target_columns", {"a": 1}, "a list of names or null"),
        ("evolution.agent.enabled", "yes", "true or false"),
        ("evolution.skill.duplicate_similarity", 1.5, "at most 1"),
        ("project.workspace_dir", "", "a path"),
        ("project.seed", None, "a whole number"),
    ],
)
def test_a_bad_value_is_one_line(key: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(use_cli=False, overrides={key: value})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_words_keep_text_and_turn_numbers() -> None:
    words = [
        "llm.code.api_key=0123",
        "execution.workers=2",
        "task.target_columns=[a, b]",
        "task.metric=null",
    ]
    cfg = load_config(
        use_cli=False,
        overrides=dotlist([*words, "llm.code.base_url=http://h/?a=b", "search.num_drafts=3"]),
    )
    assert cfg.llm.code.api_key == "0123"
    assert cfg.llm.code.base_url == "http://h/?a=b"
    assert (cfg.execution.workers, cfg.search.num_drafts) == (2, 3)
    assert (cfg.task.target_columns, cfg.task.metric) == (("a", "b"), None)


def test_a_word_without_a_sign_is_an_error() -> None:
    with pytest.raises(ConfigError, match="expected key=value, got 'agent.max_steps'"):
        dotlist(["agent.max_steps", "5"])


def test_the_command_line_is_read_when_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "argv", ["main.py", "--data", "some=dir", "--time=3m", "agent.max_steps=3"]
    )
    assert load_config().agent.max_steps == 3
    assert load_config(use_cli=False).agent.max_steps == 150
    assert load_config(overrides={"agent.max_steps": 4}).agent.max_steps == 4


def test_a_file_that_lacks_a_key_or_is_no_yaml(tmp_path: Path) -> None:
    text = MLE_BENCH.read_text()
    file = tmp_path / "some.yaml"
    file.write_text(text.replace("  level: INFO", "").replace("logging:", "logging: {}"))
    with pytest.raises(ConfigError, match="lacks logging.level"):
        load_config(file, use_cli=False)
    for broken in ("a: [", "- 1\n- 2", "\tx"):
        file.write_text(broken)
        with pytest.raises(ConfigError, match=r"some\.yaml") as caught:
            load_config(file, use_cli=False)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.yaml", use_cli=False)


def test_lesson_24_no_key_in_errors_or_in_the_public_view() -> None:
    cfg = load(
        llm__code__api_key="sk-very-secret", llm__code__base_url="http://user:pass@host:1/v1"
    )
    shown = public_dict(cfg)
    assert shown["llm"]["code"]["api_key"] == "***"
    assert shown["llm"]["feedback"]["api_key"] is None
    assert shown["llm"]["code"]["base_url"] == "http://host:1/v1"
    assert "secret" not in json.dumps(shown, allow_nan=False)
    assert public_dict(load(llm__code__base_url="http://[bad"))["llm"]["code"]["base_url"] == "***"
    assert secrets(cfg) == ("sk-very-secret",)
    with pytest.raises(ConfigError) as caught:
        load(llm__code__api_key=["sk-very-secret"])
    assert "secret" not in str(caught.value)


def test_lesson_24_each_of_several_keys_is_a_secret() -> None:
    cfg = load(
        llm__code__api_key="key-one-of-two, key-two-of-two,x", llm__feedback__api_key="key-three"
    )
    assert {"key-one-of-two", "key-two-of-two", "key-three"} <= set(secrets(cfg))
    assert "x" not in secrets(cfg)


def test_prices_are_names_with_three_numbers() -> None:
    assert load().llm.prices["gpt-4o"] == (2.5, 1.25, 10.0)
    assert load(llm__prices="{gpt-x: [1, 0.5, 2]}").llm.prices == {"gpt-x": (1.0, 0.5, 2.0)}
    shown = public_dict(load(llm__prices={"m": [1, 2, 3]}))["llm"]["prices"]
    assert (shown["m"], shown["gpt-4o"]) == ([1.0, 2.0, 3.0], [2.5, 1.25, 10.0])


@pytest.mark.parametrize(
    "value", ["x", "{a: [1, 2]}", "{a: [1, 2,", "{a: [1, 2, -3]}", "{a: [1, 2, nan]}", 3]
)
def test_bad_prices_are_one_line(value: object) -> None:
    with pytest.raises(
        ConfigError, match=r"^llm\.prices: expected a mapping from names to three numbers"
    ) as caught:
        load(llm__prices=value)
    assert "\n" not in str(caught.value)


def test_description_is_looked_for_in_order(tmp_path: Path) -> None:
    data, image, named = tmp_path / "data", tmp_path / "image.md", tmp_path / "named.md"
    data.mkdir()
    cfg = load(data__data_dir=data, data__desc_file=named)
    assert find_description(cfg, (image,)) is None
    for path in (image, data / "description.md", named):
        path.write_text("x")
        assert find_description(cfg, (image,)) == path
    assert Path("/home/description.md") in description_candidates(cfg)
    assert Path("/home/data/description.md") in description_candidates(cfg)


def test_a_missing_description_is_a_warning_and_missing_data_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cfg = load(data__data_dir=tmp_path, data__desc_file=tmp_path / "named.md")
    with caplog.at_level(logging.WARNING):
        warnings = validate_config(cfg, ())
    assert [line.split(" ")[0] for line in warnings] == ["data.desc_file:", "no"]
    assert [record.getMessage() for record in caplog.records] == warnings
    (tmp_path / "description.md").write_text("x")
    assert validate_config(load(data__data_dir=tmp_path), ()) == []
    with pytest.raises(ConfigError, match="no folder"):
        validate_config(load(data__data_dir=tmp_path / "none"), ())
