"""Figures of the container suite (scripts/test_container.sh): what each is, and its table."""

from __future__ import annotations

from benchmark.measure import Figures, markdown

# name: (what it is, target)
KNOWN = {
    "base_mb": ("size of the stand-in base, MB", ""),
    "added_mb": ("layers that the agent adds, without the model, MB", "< 600"),
    "base_build_s": ("building the base (root file system, stand-in), s", ""),
    "build_s": ("building the agent image, s", ""),
    "rebuild_s": ("rebuild after a code change, s", "< 20"),
    "base_healthy_s": ("start to health, bare base, s", ""),
    "healthy_s": ("start to health, agent image, s", "at most 1 s more"),
    "first_candidate_s": ("container start to first candidate, s", "<= 15"),
    "first_trained_s": ("container start to first trained submission, s", ""),
    "run_s": ("whole run, start to results on the host, s", ""),
    "limit_s": ("its time limit, s", ""),
    "private_score": ("churn, private ROC AUC of that run", ""),
    "steps": ("programs tried in it", ""),
    "total_s": ("the whole script, s", ""),
}


def container_table(measured: Figures) -> str:
    """measured: figures by the names above; those that were not measured have no line."""
    rows = []
    for name, (what, target) in KNOWN.items():
        if name in measured:
            rows.append((what, f"{measured[name]:g}", target))
    return markdown(("figure", "measured", "target"), rows)
