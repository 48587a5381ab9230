"""Estimators: scikit-learn's conventions over Pellucid's networks; its multi-layer perceptrons by changing one import.

>>> from pellucid.estimators import MLPClassifier
>>> mlp = MLPClassifier(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"])
>>> mlp.predict([[0.0], [3.0]]).tolist()
['a', 'b']
"""

from typing import TYPE_CHECKING, Any

from pellucid.extras import require

if TYPE_CHECKING:
    from pellucid.estimators.explanation import explain

require("sklearn", "sklearn", purpose="pellucid.estimators")

from pellucid.estimators.classifier import MLPClassifier  # noqa: E402 - only now is it known that scikit-learn is there
from pellucid.estimators.regressor import MLPRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor", "explain"]


def __getattr__(name: str) -> Any:
    if name == "explain":  # what it needs is loaded with it: no fit has to wait for that
        from pellucid.estimators.explanation import explain

        return explain
    raise AttributeError(f"module 'pellucid.estimators' has no attribute {name!r}")
