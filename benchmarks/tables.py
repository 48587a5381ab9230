"""Pellucid's models of tables beside other people's defaults, and what each part of the recipe is worth.

Tables: those that scikit-learn bundles, and every ``.parquet`` file of a folder (the last column is the target). Each
is divided into three quarters and a quarter, by seed; nobody tunes anything. A method's numbers are imputed and
standardised and its categories one-hot encoded where it cannot do that itself. Every fit has one thread; seconds are
those of the processor. One line of JSON for each table, seed and method is written at once, and what is in the file
already is not run again, so that a run can be interrupted.

Run it:  python -m benchmarks.tables [--folder FOLDER] [--methods A,B] [--tables A,B] [--splits 3] [--out FILE]
Ablation:  python -m benchmarks.tables --methods ablation      Summary only:  ... --methods none
"""

import argparse
import ast
import contextlib
import json
import math
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.measure import machine
from pellucid import CosineDecay, metrics
from pellucid.tables import TabularClassifier, TabularRegressor, encoding, learning

BUNDLED = ("iris", "wine", "breast_cancer", "diabetes", "digits")
PEERS = ("sklearn-mlp", "hist-gb", "lightgbm")
REFERENCE = "sklearn-mlp"


class WithoutTemperature(learning.Watch):
    """Choose the best epoch by the loss as it stands."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._classes = False


def plain_quantiles(values: Any, bins: int, weights: Any = None) -> Any:
    """Return edges between which equally many rows lie, however few the values are, or often one of them is met."""
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1), method="inverted_cdf"))


# What is left out or changed of the recipe: attributes of its modules, or arguments of the estimators.
ABLATION: dict[str, tuple[dict[tuple[Any, str], Any], dict[str, Any]]] = {
    "no piecewise encoding": ({(encoding, "MOST_ENCODED"): -1}, {}),
    "8 bins": ({(encoding, "MOST_BINS"): 8}, {}),
    "16 bins however many columns": ({(encoding, "BINS_IN_ALL"): 10**9}, {}),
    "edges at plain quantiles": ({(encoding, "edges_of"): plain_quantiles}, {}),
    "no soft clip": ({(encoding, "CLIPPED_AT"): 1e6}, {}),
    "biases start at 0": ({(learning, "BIAS_START"): 1e-9}, {}),
    "biases at the full rate": ({(learning, "BIAS_RATE"): 1.0}, {}),
    "beta2 0.999": ({(learning, "BETA2"): 0.999}, {}),
    "a single cosine": ({(learning, "CosineLog"): lambda rate, steps, cycles: CosineDecay(rate, steps)}, {}),
    "no label smoothing": ({(learning, "SMOOTHING"): 0.0}, {}),
    "no temperature": ({(learning, "fitted_temperature"): lambda *_, **__: 1.0}, {}),
    "best epoch without it": ({(learning, "Watch"): WithoutTemperature}, {}),
    "never stopped early": ({(learning, "NO_LONGER_HELPS"): math.inf}, {}),
    "1 member": ({}, {"members": 1}),
    "2 members": ({}, {"members": 2}),
    "8 members": ({}, {"members": 8}),
    "layers of 64": ({}, {"hidden_layer_sizes": (64, 64)}),
    "layers of 256": ({}, {"hidden_layer_sizes": (256, 256)}),
    "one layer of 128": ({}, {"hidden_layer_sizes": (128,)}),
    "three layers of 128": ({}, {"hidden_layer_sizes": (128, 128, 128)}),
    "effort low": ({}, {"effort": "low"}),
    "effort high": ({}, {"effort": "high"}),
}


def tables(folder: Path | None) -> Iterator[tuple[str, pd.DataFrame, pd.Series]]:
    for name in BUNDLED:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        yield name, bunch.data, bunch.target if name == "diabetes" else bunch.target.astype(str)
    for path in sorted(folder.glob("*.parquet")) if folder else ():
        frame = pd.read_parquet(path)
        yield path.stem, frame.iloc[:, :-1], frame.iloc[:, -1]


def plain_names(X: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text columns are pandas' categories, and whose names every library takes."""
    X = X.rename(columns=lambda name: "".join(letter if letter.isalnum() else "_" for letter in str(name)))
    return X.astype({name: "category" for name in X if X[name].dtype.kind not in "biuf"})


def settings_of(text: str) -> dict[str, Any]:
    """Return what ``members=8,effort=low`` gives: Python's values where they are such, texts otherwise."""
    settings = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[name] = value
    return settings


def estimator(method: str, X: pd.DataFrame, classes: bool, seed: int) -> Any:
    if method.startswith("pellucid"):
        _, _, given = method.partition(":")
        settings = ABLATION[given][1] if given in ABLATION else settings_of(given)
        return (TabularClassifier if classes else TabularRegressor)(random_state=seed, **settings)
    if method == "hist-gb":
        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        return kind(random_state=seed, categorical_features="from_dtype")
    if method == "lightgbm":
        import lightgbm

        return (lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor)(random_state=seed, verbose=-1, n_jobs=1)
    numbers = [name for name in X if X[name].dtype.kind in "biuf"]
    if method == "realmlp":
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

        kind = RealMLP_TD_Classifier if classes else RealMLP_TD_Regressor
        filled = make_column_transformer(  # it takes no gaps among numbers
            (SimpleImputer(strategy="median"), numbers), remainder="passthrough", verbose_feature_names_out=False
        )
        return make_pipeline(
            filled.set_output(transform="pandas"), kind(random_state=seed, device="cpu", n_threads=1, verbosity=0)
        )
    encoded = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), [name for name in X if name not in numbers]),
    )
    plain: dict[str, tuple[Any, Any]] = {
        "sklearn-mlp": (MLPClassifier(random_state=seed), MLPRegressor(random_state=seed)),
        "linear": (LogisticRegression(max_iter=1000), Ridge()),
    }
    chosen = make_pipeline(encoded, plain[method][0 if classes else 1])
    return chosen if classes else TransformedTargetRegressor(chosen, transformer=StandardScaler())


def run(method: str, X: pd.DataFrame, y: pd.Series, seed: int) -> dict[str, Any]:
    classes = y.dtype.kind not in "iuf"
    train, test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=y if classes else None
    )
    if not method.startswith("pellucid"):  # which takes a table as it is
        both = plain_names(pd.concat([train, test]))
        train, test = both.iloc[: len(train)], both.iloc[len(train) :]
    if classes:
        labels, y_train = np.unique(y_train.astype(str), return_inverse=True)
        truth = np.searchsorted(labels, y_test.astype(str))
    else:
        y_train, truth = y_train.to_numpy(dtype=float), y_test.to_numpy(dtype=float)
    model = estimator(method, train, classes, seed)
    with contextlib.ExitStack() as changed:
        for (module, name), value in ABLATION.get(method.partition(":")[2], ({}, {}))[0].items():
            changed.enter_context(mock.patch.object(module, name, value))
        began = time.process_time()
        model.fit(train, y_train)
        fit = time.process_time() - began
    began = time.process_time()
    if not classes:
        error = float(np.sqrt(np.mean((np.ravel(model.predict(test)) - truth) ** 2)) / truth.std())
        return {"rmse": error, "fit": fit, "predict": time.process_time() - began}
    chances = np.asarray(model.predict_proba(test), dtype=np.float64)
    predict = time.process_time() - began
    chances = chances / chances.sum(axis=1, keepdims=True)
    found = {
        "error": float(np.mean(chances.argmax(axis=1) != truth)),
        "log_loss": float(-np.mean(np.log(np.clip(chances[np.arange(len(truth)), truth], 1e-15, 1)))),
        "calibration": metrics.calibration_error(truth, chances, bins=15),
    }
    if len(labels) == 2:
        found["auc"] = float(roc_auc_score(truth, chances[:, 1]))
    return found | {"fit": fit, "predict": predict}


# ---- what came of it ------------------------------------------------------------------------------------------------


def summary(lines: list[dict[str, Any]], methods: list[str]) -> None:
    """Print each method's means, where it stands, and table by table what the first of them says."""
    found = pd.DataFrame([line for line in lines if "failed" not in line and line["method"] in methods])
    for line in lines:
        if "failed" in line and line["method"] in methods:
            print(f"failed: {line['table']}, {line['method']}, seed {line['seed']}: {line['failed'][:150]}")
    if found.empty:
        print("nothing to compare yet")
        return
    # Only where all methods have been: a mean over other tables would be another figure.
    counts = found.groupby(["table", "seed"])["method"].nunique()
    common = counts[counts == len(methods)].index
    if not len(common):
        print("no split that every method has been through")
        return
    found = found.set_index(["table", "seed"]).loc[common].reset_index()
    mean = found.groupby(["table", "method"]).mean(numeric_only=True)
    mean = mean.reindex(columns=["error", "log_loss", "calibration", "rmse", "fit"])  # some, if all are of one kind
    names = mean.index.get_level_values(0).unique()
    of_classes = [name for name in names if mean.loc[name]["log_loss"].notna().all()]
    judged = {name: mean.loc[name]["log_loss" if name in of_classes else "rmse"] for name in names}
    print(f"\n{len(names)} tables ({len(of_classes)} of classes), {len(common)} splits; errors and RMSE / std(y) in %.")
    reference = REFERENCE if REFERENCE in methods else methods[0]
    print(f"Rank by log-loss or RMSE; beside {reference}: ratios of these and of the times to fit, geometric means.\n")
    headings: tuple[str, ...] = (
        "method",
        "error",
        "log-loss",
        "calibration",
        "RMSE",
        "ratio",
        "better on",
        "worse by 0.5 % on",
    )
    headings += ("worst ratio", "mean rank", "time")
    print(f"| {' | '.join(headings)} |\n|{'---|' * len(headings)}")
    ranks = pd.DataFrame(judged).rank().T  # [tables, methods]
    for method in methods:
        own = mean.xs(method, level=1)
        classes, numbers = own.loc[of_classes], own.loc[[name for name in names if name not in of_classes]]
        beside, time = "", 1.0
        if method != reference:
            base = mean.xs(reference, level=1)
            ratios = {name: judged[name][method] / judged[name][reference] for name in names}
            ratio = math.exp(np.mean(np.log(list(ratios.values()))))
            better = sum(value < 1 for value in ratios.values())
            worse = sum(value > 1.005 for value in ratios.values())
            farthest = max(ratios, key=lambda name: ratios[name])
            time = math.exp(np.mean(np.log(own["fit"] / base["fit"])))
            beside = f"{ratio:.3f} | {better} of {len(names)} | {worse} | {ratios[farthest]:.2f} ({farthest}) | "
        print(
            f"| {method} | {100 * classes['error'].mean():.2f} | {classes['log_loss'].mean():.4f} | "
            f"{100 * classes['calibration'].mean():.2f} | {100 * numbers['rmse'].mean():.2f} | "
            f"{beside or '| | | | '}{ranks[method].mean():.2f} | {time:.2f} |"
        )
    print("\nLog-loss, or RMSE / std(y), table by table:\n")
    print("| table | " + " | ".join(methods) + " |\n|---|" + "---|" * len(methods))
    for name in names:
        best = judged[name].min()
        cells = [f"**{value:.4f}**" if value == best else f"{value:.4f}" for value in judged[name][methods]]
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description="Models of tables beside other people's defaults.")
    parser.add_argument("--folder", type=Path, help="with .parquet files, beside scikit-learn's tables")
    parser.add_argument("--methods", default=",".join(("pellucid", *PEERS)))
    parser.add_argument("--tables", help='only these; "all-but-bundled" are those of the folder')
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("tables.jsonl"))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    # A comma before NAME=VALUE is within what the method before it is given.
    methods = [] if asked.methods == "none" else re.split(r",(?![^,:]*=)", asked.methods)
    if asked.methods == "ablation":
        methods = ["pellucid", *(f"pellucid:{name}" for name in ABLATION)]
    lines = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.exists() else []
    done = {(line["table"], line["seed"], line["method"]) for line in lines}
    for name, X, y in tables(asked.folder):
        if asked.tables == "all-but-bundled" and name in BUNDLED:
            continue
        if asked.tables not in (None, "all-but-bundled") and name not in asked.tables.split(","):
            continue
        for seed in range(asked.splits if len(X) < 15_000 else min(asked.splits, 2)):
            for method in methods:
                if (name, seed, method) in done:
                    continue
                line = {"table": name, "seed": seed, "method": method}
                try:
                    line |= run(method, X, y, seed)
                except Exception as problem:
                    line["failed"] = f"{type(problem).__name__}: {problem}"
                lines.append(line)
                with asked.out.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line), file=sys.stderr, flush=True)
    machine()
    summary(lines, methods or list(dict.fromkeys(line["method"] for line in lines)))


if __name__ == "__main__":
    main()
