"""What texts name and no scorer computes, beside the relatives of each metric in
core.metric_names.
"""

from __future__ import annotations

UNSCORED: tuple[str, ...] = (
    r"modifi\w+ (?:version |variant )?(?:of )?(?:the )?(?:[\w-]+ ){0,4}"
    r"(?:score|coefficient|error|auc|likelihood|index)",
    r"\bbleu\b|\brouge\b|\bmeteor\b|perplexity",
    r"\bcrps\b|ranked probability|hinge loss|huber",
    r"haversine|euclidean distance|distance errors?|cosine (?:similarity|distance)|hamming"
    r"|angular (?:error|distance)",
    r"\bssim\b|\bpsnr\b|kolmogorov|sharpe ratio|\bpass@",
    r"youden|g-?mean\b|geometric mean|generali[sz]ed mean|sub-?metrics?",
)
