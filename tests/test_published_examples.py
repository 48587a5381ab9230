"""Code that others published for scikit-learn's multi-layer perceptrons, run with ours by changing one import.

Docstrings and tests come from the installed package. The example scripts are kept, as published, in `published`.
"""

import doctest
import hashlib
import importlib.util
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from judges import judge

sklearn = judge("sklearn")

from sklearn import neural_network  # noqa: E402 - only now is it known that scikit-learn is there

from pellucid import estimators  # noqa: E402

# As scikit-learn runs its tests and examples: what is deprecated is an error, any other warning is not.
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::UserWarning", "ignore::RuntimeWarning", "error::DeprecationWarning", "error::FutureWarning"
    )
]

PUBLISHED = Path(__file__).parent / "published"
THEIRS, OURS = "from sklearn.neural_network import ", "from pellucid.estimators import "
TESTS = {  # of other parts of scikit-learn, with a multi-layer perceptron in them
    "sklearn.ensemble.tests.test_stacking": [
        "test_stacking_classifier_multilabel_predict_proba",
        "test_stacking_classifier_multilabel_auto_predict",
    ],
    "sklearn.utils._repr_html.tests.test_estimator": ["test_get_visual_block_voting"],
}
SCRIPTS = {  # those whose records come with scikit-learn, or are generated; by how much an accuracy may differ
    "plot_mlp_training_curves.py": 0.0,
    # Hundreds of iterations of L-BFGS, of which each enlarges the rounding of the one before: with inputs that are
    # multiplied by 1 + 2e-16, scikit-learn's own accuracies move by one record in 40.
    "plot_mlp_alpha.py": 2 / 40,
    "plot_partial_dependence_visualization_api.py": 0.0,
    "plot_classifier_comparison.py": 0.0,
}


def with_ours(source):
    """Return a source with its one import of multi-layer perceptrons changed, and nothing else."""
    assert source.count(THEIRS) == source.count("sklearn.neural_network import") == 1
    return source.replace(THEIRS, OURS)


# Docstrings


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_example_in_the_docstring_shows_the_same_values(name, monkeypatch):
    example = [part.source for part in doctest.DocTestParser().get_examples(getattr(neural_network, name).__doc__)]
    assert sum(THEIRS in statement for statement in example) == 1
    (their_class, theirs), (our_class, ours) = (
        shown([statement.replace(THEIRS, line) for statement in example], name, monkeypatch) for line in (THEIRS, OURS)
    )
    assert their_class is getattr(neural_network, name) and our_class is getattr(estimators, name)
    assert len(ours) == len(theirs) >= 3
    for our, their in zip(ours, theirs, strict=True):
        if isinstance(their, their_class):
            assert isinstance(our, our_class) and repr(our) == repr(their)
        else:
            np.testing.assert_allclose(our, their, rtol=1e-6)


def shown(statements, name, monkeypatch):
    """Run statements as Python's prompt does; return what one name came to mean, and the values that were shown."""
    values, names = [], {}
    monkeypatch.setattr(sys, "displayhook", lambda value: None if value is None else values.append(value))
    for statement in statements:
        exec(compile(statement, "docstring", "single"), names)
    return names[name], values


# Tests of other parts of scikit-learn


def compiled_with_ours(module_name, names):
    """Return tests of an installed module, compiled with our classes in place of theirs; none where it is missing."""
    try:
        found = importlib.util.find_spec(module_name)
    except ModuleNotFoundError:  # of the folder that it would lie in
        found = None
    if found is None:
        return {}
    module = types.ModuleType(module_name)
    source = with_ours(Path(found.origin).read_text(encoding="utf-8"))
    exec(compile(source, found.origin, "exec"), vars(module))
    return {name: vars(module)[name] for name in names if name in vars(module)}


FOUND = {name: test for module, names in TESTS.items() for name, test in compiled_with_ours(module, names).items()}
for name, test in FOUND.items():
    globals()[name] = pytest.mark.slow(test)


@pytest.mark.skipif(sklearn.__version__ != "1.9.1", reason="which tests there are is known for scikit-learn 1.9.1")
def test_all_of_them_are_run_with_ours():
    if importlib.util.find_spec("sklearn.neural_network.tests") is None:
        pytest.skip("this scikit-learn is installed without its tests")
    assert sorted(FOUND) == sorted(name for names in TESTS.values() for name in names)
    for test in FOUND.values():
        assert test.__globals__["MLPClassifier"] is estimators.MLPClassifier


# Example scripts


def test_the_scripts_are_kept_as_they_were_published():
    notice = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in PUBLISHED.glob("*.py")) == sorted(SCRIPTS)
    for script in SCRIPTS:
        assert f"`{hashlib.sha256((PUBLISHED / script).read_bytes()).hexdigest()}`" in notice
    assert "BSD 3-Clause License" in (PUBLISHED / "LICENSE-scikit-learn").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_the_example_script_prints_and_draws_the_same(script, capsys, monkeypatch):
    source = (PUBLISHED / script).read_text(encoding="utf-8")
    theirs, their_drawing = run_script(source, capsys, monkeypatch)
    ours, our_drawing = run_script(with_ours(source), capsys, monkeypatch)
    assert ours == theirs
    assert len(our_drawing) == len(their_drawing) > 0
    for our, their in zip(our_drawing, their_drawing, strict=True):
        if isinstance(their, str) and their.startswith("."):
            assert float(our) == pytest.approx(float(their), rel=0, abs=SCRIPTS[script] + 1e-9)
        elif isinstance(their, str):
            assert our == their
        else:
            np.testing.assert_allclose(our, their, rtol=1e-6, atol=1e-9)


def run_script(source, capsys, monkeypatch):
    """Run a script; return what it prints, and the texts and lines of the pictures that it draws."""
    plt = judge("matplotlib.pyplot")
    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    np.random.seed(0)  # a script may draw from the generator that all share
    try:
        exec(compile(source, "script", "exec"), {"__name__": "__main__"})
        drawn = []
        for number in plt.get_fignums():
            for axes in plt.figure(number).axes:
                drawn += [axes.get_title(), *(text.get_text() for text in axes.texts)]
                drawn += [line.get_xydata() for line in axes.lines]
    finally:
        plt.close("all")
    return capsys.readouterr().out, drawn
