"""Values of scikit-learn and SciPy for the tests of org.jresnet.metrics.

    pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
    python tools/fixtures_metrics.py

Writes src/test/resources/fixtures/metrics/metrics.json:

    binary       labels, scores; roc_auc_score, average_precision_score, the equal error rate on the line through
                 roc_curve's points (SciPy's brentq), the largest true positive rate of roc_curve at 1 and 0.1 %
    delong       two scores of the same examples; difference, standard error by DeLong's definition (all pairs), p by
                 scipy.stats.norm
    mcnemar      counts; p of scipy.stats.binomtest
    temperature  logits; the temperature with the smallest log_loss (scipy.optimize), log_loss and Brier score before
                 and after it
    conformal    nonconformities; numpy.quantile(method="inverted_cdf") at the rank of split conformal prediction
"""

import json
import math
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.optimize import brentq, minimize_scalar
from scipy.special import softmax
from scipy.stats import binomtest, norm
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score, roc_curve

OUT = Path(__file__).resolve().parent.parent / "src/test/resources/fixtures/metrics/metrics.json"


def binary_case(name, positives, negatives, shift, decimals, seed):
    rng = np.random.default_rng(seed)
    labels = np.array([1] * positives + [0] * negatives)
    scores = np.round(rng.normal(0, 1, len(labels)) + shift * labels, decimals)
    order = rng.permutation(len(labels))
    labels, scores = labels[order], scores[order]
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    eer = brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1, xtol=1e-15)
    # np.interp takes the last of points with equal fpr; the curve goes up there.
    case = {"name": name, "labels": labels.tolist(), "scores": scores.tolist(),
            "auc": roc_auc_score(labels, scores), "average_precision": average_precision_score(labels, scores), "eer": eer}
    for rate in (0.01, 0.001):
        case[f"tpr_at_{rate}"] = float(tpr[fpr <= rate].max()) if negatives * rate >= 1 else None
    return case


def delong_case(name, positives, negatives, shifts, decimals, seed):
    rng = np.random.default_rng(seed)
    labels = np.array([1] * positives + [0] * negatives)
    common = rng.normal(0, 1, len(labels))
    scores = [np.round(common + rng.normal(0, 1, len(labels)) + s * labels, decimals) for s in shifts]
    areas, rows, columns = [], [], []
    for s in scores:
        x, y = s[labels == 1], s[labels == 0]
        wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        areas.append(wins.mean())
        rows.append(wins.mean(1))
        columns.append(wins.mean(0))
    rows, columns = np.cov(rows), np.cov(columns)
    contrast = np.array([1, -1])
    error = math.sqrt(contrast @ (rows / positives + columns / negatives) @ contrast)
    single = math.sqrt(rows[0, 0] / positives + columns[0, 0] / negatives)
    difference = areas[0] - areas[1]
    return {"name": name, "labels": labels.tolist(), "first": scores[0].tolist(), "second": scores[1].tolist(),
            "difference": difference, "standard_error": error, "first_error": single,
            "p": float(2 * norm.sf(abs(difference / error)))}


def temperature_case(name, examples, classes, sharpness, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, examples)
    logits = rng.normal(0, 1, (examples, classes))
    logits[np.arange(examples), labels] += 1.5
    logits = np.round(logits * sharpness, 4)
    all_classes = list(range(classes))

    def loss(t):
        return log_loss(labels, softmax(logits / t, 1), labels=all_classes)

    t = math.exp(minimize_scalar(lambda x: loss(math.exp(x)), bounds=(-5, 5), method="bounded", options={"xatol": 1e-12}).x)

    def brier(t):
        return float(((softmax(logits / t, 1) - np.eye(classes)[labels]) ** 2).sum(1).mean())

    return {"name": name, "labels": labels.tolist(), "logits": logits.tolist(), "temperature": t,
            "loss_before": loss(1), "loss_after": loss(t), "brier_before": brier(1), "brier_after": brier(t)}


def conformal_case(examples, seed):
    rng = np.random.default_rng(seed)
    scores = np.round(rng.beta(0.6, 3, examples), 6)
    quantiles = {}
    for error in (0.01, 0.05, 0.1, 0.3):
        level = math.ceil(round((examples + 1) * (1 - error), 9)) / examples
        quantiles[str(error)] = float(np.quantile(scores, level, method="inverted_cdf")) if level <= 1 else None
    return {"scores": scores.tolist(), "quantiles": quantiles}


def main():
    result = {
        "made_with": f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}",
        "binary": [
            binary_case("distinct scores", 120, 150, 1.5, 6, 1),
            binary_case("many ties", 80, 200, 1.0, 1, 2),
            binary_case("few negatives", 40, 60, 2.0, 4, 3),
            binary_case("enough for 0.1 %", 60, 1000, 2.5, 3, 4),
        ],
        "delong": [
            delong_case("a small difference", 60, 70, (1.0, 0.8), 4, 5),
            delong_case("a large difference", 90, 80, (3.0, 0.5), 4, 6),
            delong_case("ties", 50, 40, (1.0, 1.4), 0, 7),
        ],
        "mcnemar": [{"first": b, "second": c, "p": float(binomtest(min(b, c), b + c, 0.5).pvalue) if b + c else 1.0}
                    for b, c in ((0, 0), (0, 1), (3, 3), (2, 9), (40, 71), (0, 60), (1020, 980))],
        "temperature": [
            temperature_case("too sharp, two classes", 80, 2, 4.0, 8),
            temperature_case("too soft, two classes", 60, 2, 0.2, 9),
            temperature_case("five classes", 60, 5, 3.0, 10),
        ],
        "conformal": [conformal_case(n, 11 + n) for n in (19, 20, 150)],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
