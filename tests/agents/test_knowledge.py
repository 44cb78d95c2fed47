"""Which pieces of knowledge a brief gets, and that their files are strict."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.prompting.knowledge import (
    MOST,
    Facts,
    KnowledgePiece,
    choose,
    fits,
    load,
    packages_named,
    parse,
    pick,
)
from core.evolution.briefs import BY_KIND
from core.metric_names import BY_NAME, METRICS
from core.records import Brief, CompetitionSpec, ErrorInfo, MetricSpec, Parent

EVERYTHING = Facts(
    gpus=1,
    packages=packages_named(),
    weights=frozenset({"text", "image"}),
    text_words=900,
    categories=3,
)


def spec(metric: str = "roc_auc", **changes: Any) -> CompetitionSpec:
    name = BY_NAME[metric]
    values: dict[str, Any] = {
        "data_dir": "d", "data_digest": "0", "description": "", "modality": "tabular", "value_kind": name.predicts,
        "metric": MetricSpec(metric, name.direction, "description"), "sample": None, "train": None, "test": None,
        "id_columns": ("id",), "target_columns": ("y",), "label_columns": ("y",), "feature_columns": ("a", "b"),
        "classes": ("0", "1") if name.predicts != "real" else (), "text_columns": (), "rows_train": 5000,
        "rows_test": 1000,
    }  # fmt: skip
    return CompetitionSpec.of(**(values | changes))


def brief(kind: str = "draft", seed: int = 0, error: str | None = None, **changes: Any) -> Brief:
    info = None if error is None else ErrorInfo(*error.split(": ", 1), "")
    parents = () if kind == "draft" else (Parent("s0", "x = 1\n", "plan", None, info),)
    return Brief(step=seed, kind=kind, seed=seed, parents=parents, **changes)  # type: ignore[arg-type]


def names(
    brief: Brief, spec: CompetitionSpec, facts: Facts = EVERYTHING, most: int = MOST
) -> list[str]:
    return [piece.name for piece in choose(load(), brief, spec, facts, most)]


def over_seeds(spec: CompetitionSpec, kind: str = "draft", facts: Facts = EVERYTHING) -> set[str]:
    return {name for seed in range(60) for name in names(brief(kind, seed), spec, facts)}


# ---------------------------------------------------------------- the choice


@pytest.mark.parametrize("modality", ["tabular", "text", "image", "audio", "files"])
@pytest.mark.parametrize("kind", ["draft", "mutate", "merge", "debug", "tune", "shrink"])
def test_lesson_42_at_most_five_pieces_and_never_none(modality: str, kind: str) -> None:
    task = spec(modality=modality, text_columns=("t",) if modality == "text" else ())
    for seed in range(10):
        assert 1 <= len(names(brief(kind, seed), task)) <= 5
    assert len(pick(brief(), task, EVERYTHING)) == 5 or modality == "files"
    assert len(load()) > 25


def test_the_same_arguments_give_the_same_texts_and_seeds_differ() -> None:
    first = pick(brief(seed=3), spec(), EVERYTHING)
    assert first == pick(brief(seed=3), spec(), EVERYTHING)
    drafts = {frozenset(names(brief(seed=seed), spec())) for seed in range(5)}
    assert len(drafts) >= 4
    tabular = {piece.name for piece in load() if "tabular" in piece.modalities}
    assert len(tabular & over_seeds(spec())) >= 6


def test_an_image_task_gets_nothing_for_tables_or_texts_only() -> None:
    chosen = {
        piece.name: piece for piece in load() if piece.name in over_seeds(spec(modality="image"))
    }
    assert {"image_frozen", "image_fine_tune", "image_augmentation"} <= chosen.keys()
    assert not [
        name
        for name, piece in chosen.items()
        if piece.modalities and "image" not in piece.modalities
    ]


@pytest.mark.parametrize("metric", [metric.name for metric in METRICS])
def test_every_metric_has_its_piece_and_it_stands_first(metric: str) -> None:
    for seed in range(5):
        piece = choose(load(), brief(seed=seed), spec(metric), EVERYTHING)[0]
        assert piece.metrics & {metric, BY_NAME[metric].advice}


def test_kappa_gets_its_cut_points_whatever_the_modality() -> None:
    assert names(brief(), spec("quadratic_weighted_kappa", modality="image"))[0] == "metric_qwk"
    (first, *_) = pick(brief(), spec("quadratic_weighted_kappa"), EVERYTHING)
    assert "cut points" in first
    assert "metric_qwk" not in over_seeds(spec("roc_auc"))


def test_briefs_to_mend_get_other_pieces_than_drafts() -> None:
    drafts = over_seeds(spec())
    for kind in ("debug", "shrink"):
        mending = over_seeds(spec(), kind)
        assert mending - drafts, kind
        assert not [name for name in mending if name.startswith(("tabular_", "metric_"))]
    assert names(brief("shrink"), spec(), most=1) == ["shrink_time"]


def test_the_parents_error_chooses_how_to_mend() -> None:
    memory = brief("debug", error="MemoryError: used more memory than allowed")
    columns = brief("debug", error="InvalidSubmission: the submission lacks 3 rows")
    assert names(memory, spec())[0] == "debug_memory"
    assert names(columns, spec())[0] == "debug_submission"
    assert names(brief("debug", error="KeyError: 'x'"), spec()) == ["debug_crash"]


def test_a_mutation_gets_pieces_about_its_locus() -> None:
    for locus in ("DATA", "MODEL", "TRAIN", "POSTPROCESS"):
        chosen = choose(load(), brief("mutate", locus=locus), spec(), EVERYTHING)
        assert all(locus in piece.loci for piece in chosen if piece.loci)
    assert "tabular_interactions" not in names(brief("mutate", locus="POSTPROCESS"), spec())
    alone = {names(brief("mutate", seed, locus="MODEL"), spec(), most=1)[0] for seed in range(20)}
    assert {"metric_ranking", "tabular_boosting"} <= alone, (
        "a single piece is not always the same one"
    )


def test_the_author_of_a_program_is_told_nothing_that_holds_for_every_program() -> None:
    recipe = '# %% MODEL\n# recipe: {"fragment": "model_linear", "ALPHA": 1.0}\n'
    written = Parent("s0", "x = 1\n", "plan", None, None)
    for kind in ("mutate", "merge"):
        for seed in range(30):
            by_model = replace(brief(kind, seed), parents=(written,))
            assert [it for it in choose(load(), by_model, spec(), EVERYTHING) if it.general] == []
    by_recipe = [
        replace(brief("mutate", seed), parents=(replace(written, program=recipe),))
        for seed in range(30)
    ]
    assert any("deadline" in names(told, spec()) for told in by_recipe)


@pytest.mark.parametrize(
    ("changes", "facts", "piece"),
    [
        ({"rows_train": 300}, Facts(), "small_data"),
        ({"rows_train": 900_000}, EVERYTHING, "tabular_boosting_large"),
        ({"feature_columns": tuple(map(str, range(400)))}, Facts(), "tabular_wide"),
        (
            {"classes": tuple(map(str, range(90))), "value_kind": "probability"},
            Facts(),
            "many_classes",
        ),
        ({"label_columns": ("y", "z")}, Facts(), "several_targets"),
        ({"time_column": "day"}, Facts(), "time_features"),
        ({"group_column": "who"}, Facts(), "leak_groups"),
        ({"text_columns": ("t",)}, EVERYTHING, "text_long"),
        (
            {"value_kind": "label", "classes": tuple(map(str, range(900)))},
            Facts(),
            "sequence_lookup",
        ),
    ],
)
def test_conditions_bring_their_piece_and_only_then(
    changes: dict[str, Any], facts: Facts, piece: str
) -> None:
    assert piece in over_seeds(spec(**changes), facts=facts)
    assert piece not in over_seeds(spec())


def test_lesson_43_nothing_is_said_about_what_is_not_there() -> None:
    text = spec(modality="text", text_columns=("t",))
    assert not {"text_embeddings", "text_fine_tune", "text_long"} & over_seeds(text, facts=Facts())
    assert not {piece.name for piece in load() if piece.packages} & over_seeds(
        spec(modality="image"), facts=Facts()
    )


# ---------------------------------------------------------------- the files


def test_texts_are_short_and_fit_the_room_of_prompts() -> None:
    longest = max(len(piece.text) for piece in load())
    for piece in load():
        assert 80 <= len(piece.text) / 4 <= 260, (
            f"{piece.name}: about {len(piece.text) / 4:.0f} tokens"
        )
    for traits in BY_KIND.values():
        assert traits.pieces <= MOST
        assert traits.pieces * longest <= traits.knowledge


def test_a_file_becomes_a_piece() -> None:
    text = '+++\ntitle = "T"\nmetrics = ["mae"]\nrows = [10, inf]\nfirst = true\n+++\nDo this.\n'
    piece = parse("name", text)
    assert piece == KnowledgePiece(
        "name", "T", "Do this.\n", metrics=frozenset({"mae"}), rows=(10.0, float("inf")), first=True
    )
    assert piece.text == "### T\nDo this.\n"


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ('title = "T"\nmodality = ["text"]', "unknown key"),
        ('title = "T"\nmodalities = ["texts"]', "unknown word 'texts'"),
        ('title = "T"\nmetrics = ["auc"]', "unknown word 'auc'"),
        ('title = "T"\nneeds = ["luck"]', "unknown word 'luck'"),
        ('title = "T"\nbriefs = "draft"', "must be a list"),
        ('title = "T"\nloci = []', "must be a list"),
        ('title = "T"\nrows = [5]', "must be"),
        ('title = "T"\nrows = [9, 1]', "must be"),
        ('title = "T"\nfirst = "yes"', "wrong value"),
        ('title = "T"\nerrors = "("', "skill name"),
        ("title = 3", "wrong value"),
        ('metrics = ["mae"]', "title or text is missing"),
        ('title = "T', "skill name"),
    ],
)
def test_a_malformed_header_is_an_error(header: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse("name", f"+++\n{header}\n+++\nDo this.\n")


@pytest.mark.parametrize(
    "text", ["Do this.\n", '+++\ntitle = "T"\n+++\n\n', 'x\n+++\ntitle = "T"\n+++\nDo this.\n']
)
def test_a_file_without_header_or_text_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="skill name"):
        parse("name", text)


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.md").write_text('+++\ntitle = "T"\nwhen = 1\n+++\nText\n')
    with pytest.raises(ValueError, match="skill odd: unknown key"):
        load(tmp_path)


# ---------------------------------------------------------------- nothing that contradicts the task

CLASSIFIES = (
    r"Classifier|predict_proba|LogisticRegression|Stratified|DiscriminantAnalysis|cross_entropy"
)
GROUPS_OF_ROWS = r"city|store|[Tt]arget encoding|TargetEncoder"
N_GRAMS = r"[Tt]f-?idf|Tfidf|n-gram|min_df|vectoriser"
SIGNALS = r"sensor|per frequency band|zero crossings"
RANKS = r"rankdata|roc_auc|\bAUC\b"
LAGS = r"\blag"
PICTURES = r"pictures?\b|pixel"
DRIFT = r"from_test"

REAL_SERIES = spec("rmse", time_column="when", rows_train=15_000)
BINARY_TABLE = spec("roc_auc", rows_train=5_000)
MANY_CLASS_TEXT = spec(
    "accuracy",
    modality="text",
    text_columns=("t",),
    classes=tuple(map(str, range(60))),
    rows_train=9_000,
)
REAL_TEXT = spec("spearman", modality="text", text_columns=("t",), rows_train=9_000)
IMAGES = spec("accuracy", modality="image", rows_train=8_000)
BARE = Facts(packages=packages_named(), categories=0)


@pytest.mark.parametrize(
    ("task", "facts", "wanted", "unwanted"),
    [
        (
            REAL_SERIES,
            BARE,
            {"series_drivers", "time_features", "metric_rmse"},
            (CLASSIFIES, GROUPS_OF_ROWS, N_GRAMS, SIGNALS, RANKS, PICTURES, DRIFT),
        ),
        (
            BINARY_TABLE,
            EVERYTHING,
            {"tabular_boosting", "tabular_target_encoding", "tabular_blend", "metric_ranking"},
            (N_GRAMS, SIGNALS, LAGS, PICTURES, r"LGBMRegressor|\bRidge|\bRMSE"),
        ),
        (
            BINARY_TABLE,
            BARE,
            {"tabular_boosting", "leak_columns"},
            (GROUPS_OF_ROWS, N_GRAMS, SIGNALS, LAGS),
        ),
        (
            MANY_CLASS_TEXT,
            BARE,
            {"many_classes", "text_tfidf_linear"},
            (RANKS, SIGNALS, LAGS, PICTURES, GROUPS_OF_ROWS, r"Ridge|encoder\.encode|transformer"),
        ),
        (REAL_TEXT, BARE, {"text_ridge"}, (CLASSIFIES, SIGNALS, LAGS, PICTURES, RANKS.replace("rankdata|", ""))),
        (
            IMAGES,
            BARE,
            {"image_from_scratch", "image_classical"},
            (N_GRAMS, SIGNALS, LAGS, GROUPS_OF_ROWS, RANKS, r"backbone\(|fine-tun"),
        ),
    ],
    ids=["series", "binary", "numbers only", "many classes", "real text", "images"],
)  # fmt: skip
def test_nothing_is_said_that_contradicts_the_task(
    task: CompetitionSpec, facts: Facts, wanted: set[str], unwanted: tuple[str, ...]
) -> None:
    told: dict[str, str] = {}
    for kind in ("draft", "rewrite", "mutate", "merge"):
        for seed in range(40):
            pieces = choose(load(), brief(kind, seed), task, facts)
            told |= {piece.name: piece.text for piece in pieces}
    assert wanted <= told.keys()
    for pattern in unwanted:
        assert [name for name, text in told.items() if re.search(pattern, text)] == [], pattern


@pytest.mark.parametrize("modality", ["tabular", "text", "image", "audio", "files"])
@pytest.mark.parametrize("kind", list(BY_KIND))
def test_no_classifier_is_shown_for_a_real_target(modality: str, kind: str) -> None:
    changes = {"text_columns": ("t",), "time_column": "when", "group_column": "who"}
    task = spec("rmse", modality=modality, label_columns=("y", "z"), **changes)
    for rows in (300, 9_000, 900_000):
        sized = task.changed(rows_train=rows)
        for piece in load():
            if fits(piece, brief(kind), sized, EVERYTHING):
                assert not re.search(CLASSIFIES, piece.text), piece.name


def test_hand_tuning_is_no_lesson() -> None:
    assert [piece.name for piece in load() if piece.briefs == {"tune"}] == []
