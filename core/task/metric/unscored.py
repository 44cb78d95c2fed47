"""What texts name and no scorer computes: a neighbour of the same words must not be taken for it."""

from __future__ import annotations

_F1 = r"f[ -]?1(?:[ -](?:score|measure))?"
_RMSE = r"root[ -]?mean[ -]squared?[ -](?:error|deviation)"

UNSCORED: tuple[str, ...] = (
    r"mean[ -]average[ -]precision",
    r"\bmap\b ?(?:@ ?\{?(?!\d)\w*)?",
    r"(?:mean |average )*precision (?:score )?(?:at|@) ?\{?(?!\d)\w+",
    r"(?<!average )(?<!average-)precision (?:score )?(?:at|@) ?\{?\d+|\bp@\d+",
    r"\brecall (?:at|@) ?\w+",
    r"\b[nd]?dcg\b|discounted cumulative gain",
    r"mean reciprocal rank|\bmrr\b",
    r"(?:weighted|top[ -]?\d+|per[ -]class|class[ -]averaged|mean class|exact match) (?:\w+ )?accuracy",
    r"(?:top[ -]?[2-9]\d*|equal|phoneme|hierarchical) (?:\w+ )?error(?: rate)?",
    r"(?:weighted|partial|subgroup|balanced|bias) (?:\w+[ -]){0,3}au(?:ro)?cs?\b|partial area under[\w -]*|\bpauc\b",
    r"(?:errors?|mae|rmse|loss(?:es)?)\b[^.]{0,40}\b(?:is|are|be) (?:clipped|capped|truncated)"
    r"|(?:clipped|capped|truncated) (?:[\w-]+ ){0,3}(?:error|mae|rmse|loss)",
    r"(?:weighted|balanced|focal|normali[sz]ed|modified) (?:[\w-]+ ){0,3}"
    r"(?:log(?:arithmic)?[ -]?loss|cross[ -]entropy)",
    r"(?:sample[sd]?|instance|example)[ -](?:weighted|averaged? |based |mean )" + _F1,
    r"\bf[ -]?(?:[2-9]|0\.5|beta|\u03b2)[ -]?(?:score|measure)?\b",
    r"modifi\w+ (?:version |variant )?(?:of )?(?:the )?(?:[\w-]+ ){0,4}"
    r"(?:score|coefficient|error|auc|likelihood|index)",
    r"(?:symmetric mean absolute percentage|mean absolute scaled) error|\bsmape\b|\bmase\b",
    r"median (?:absolute|squared) (?:error|deviation)",
    r"(?:weighted|normali[sz]ed|scaled|relative) (?:mean absolute (?:percentage )?error|"
    + _RMSE
    + r"|mae\b|rmse\b)",
    r"(?:weighted|normali[sz]ed|adjusted) (?:[\w-]+ )?(?:r[ -]?(?:2|squared)|coefficient of determination|kappa|mcc\b)",
    r"(?:weighted|normali[sz]ed|mean[ -]centred) (?:[\w-]+ )?(?:levenshtein|edit|pearson|spearman|jaccard|dice|kendall)"
    r"(?:'?s)?(?: \w+){0,2}",
    r"damerau[ -]levenshtein(?: distance)?",
    r"root[ -]?mean[ -]squared?[ -](?:percentage|scaled|relative)[ -]error|\brms(?:pe|se)\b|\bw(?:mae|rmse|rmsse)\b",
    r"(?<!root )(?<!root-)mean[ -]squared?[ -]log(?:arithmic)?[ -]error|(?<!\w)msle\b",
    r"explained variance|pseudo[ -]?r[ -]?(?:2|squared)",
    r"(?:linear(?:ly)?[ -])?(?:weighted )?(?:cohen'?s |fleiss'? )?kappa|phi coefficient",
    r"correlation coefficient|rank correlation|concordance|\bc-index\b|goodman",
    r"intersection[ -]over[ -]union|\bm?iou\b|hausdorff|panoptic|bounding box",
    r"\bbleu\b|\brouge\b|\bmeteor\b|perplexity",
    r"jensen[ -]shannon|wasserstein|earth mover",
    r"log[ -]?likelihood|pinball|quantile loss|\bcrps\b|ranked probability|brier|hinge loss|huber",
    r"haversine|euclidean distance|distance errors?|cosine (?:similarity|distance)|hamming|angular (?:error|distance)",
    r"\bgini\b|\bssim\b|\bpsnr\b|kolmogorov|sharpe ratio|\bpass@",
    r"youden|g-?mean\b|geometric mean|generali[sz]ed mean|sub-?metrics?",
)
