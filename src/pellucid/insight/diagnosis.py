"""The diagnosis: what is wrong with a network, its training and its records, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from pellucid.checks import not_a_network
from pellucid.insight.checks import CHECKS
from pellucid.insight.checks.examination import Examination, records_of
from pellucid.insight.checks.finding import CannotCheckError, Finding, counted, wrapped
from pellucid.insight.member import single
from pellucid.losses import Loss
from pellucid.network import Network, resolve_loss
from pellucid.training.loop import remembered_penalty


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was found, and what could not be looked at.

    It shows itself as text in a terminal and as a list in a notebook.

    Attributes
    ----------
    findings : tuple of Finding
        The most serious first; empty for a healthy network.
    made : tuple of str
        The checks that were made.
    not_made : dict
        The checks that could not be made, and why.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> found = diagnose(Network(1, [Dense(1)], seed=0), [[0.0], [1.0]], [0.0, 1.0], loss="squared_error")
    >>> found.findings, len(found.made) + len(found.not_made), found.not_made["overfitting"]
    ((), 21, 'there is no history: the network was never trained')
    """

    findings: tuple[Finding, ...]
    made: tuple[str, ...]
    not_made: dict[str, str]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that are problems, without the warnings."""
        return tuple(finding for finding in self.findings if finding.severity == "problem")

    @property
    def headline(self) -> str:
        """What came out, in one line."""
        warnings = len(self.findings) - len(self.problems)
        counts = [(len(self.problems), "problem"), (warnings, "warning")]
        said = " and ".join(f"{number} {word}{'s' * (number > 1)}" for number, word in counts if number)
        left = f", {len(self.not_made)} could not be made" if self.not_made else ""
        return f"{said or 'nothing found'}: {counted(len(self.made), 'check')} made{left}"

    @property
    def not_checked(self) -> str:
        """The checks that could not be made, with the reasons, as lines of text."""
        return "\n".join(["not checked:", *(line for reason in self._reasons() for line in wrapped(reason))])

    def __str__(self) -> str:
        parts = [self.headline, *map(str, self.findings)]
        return "\n\n".join([*parts, self.not_checked] if self.not_made else parts)

    def _reasons(self) -> list[str]:
        """Return why checks could not be made, each reason once."""
        by_reason: dict[str, list[str]] = {}
        for name, why in self.not_made.items():
            by_reason.setdefault(why, []).append(name)
        return [f"{', '.join(names)}: {why}" for why, names in by_reason.items()]

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        findings = ""
        for found in self.findings:
            head = f"<strong>{escape(found.severity)}: {escape(found.kind)}</strong> ({escape(found.where)})"
            why, remedy = f"<em>Why:</em> {escape(found.why)}", f"<em>Try:</em> {escape(found.remedy)}"
            findings += f"<li>{head}<br>{escape(found.measured)}<br>{why}<br>{remedy}</li>"
        reasons = "".join(f"<li>{escape(reason)}</li>" for reason in self._reasons())
        left = f"<details><summary>not checked</summary><ul>{reasons}</ul></details>" if reasons else ""
        return f"<div><p>{escape(self.headline)}</p><ol>{findings}</ol>{left}</div>"

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as plain values for JSON.

        Examples
        --------
        >>> Diagnosis((), ("dead units",), {"overfitting": "there is no history"}).to_dict()
        {'findings': [], 'made': ['dead units'], 'not_made': {'overfitting': 'there is no history'}}
        """
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "made": list(self.made),
            "not_made": dict(self.not_made),
        }


def diagnose(
    network: Network,
    X: Any,
    y: Any,
    *,
    loss: Loss | str | None = None,
    sample_weight: Any = None,
    validation_data: tuple[Any, ...] | None = None,
    feature_names: Sequence[str] = (),
    member: int = 0,
) -> Diagnosis:
    """Look for what commonly goes wrong: in the network, its training, its inputs and its records.

    The network stays as it is. Activations and gradients are watched on at most 4,096 of the records; the records
    themselves are all looked at. Every threshold, with its reason, stands in ``insight/checks/thresholds.py``.

    Parameters
    ----------
    network : Network
        Trained or not.
    X : array [N, inputs]
        The records that it learns from. Values that are not finite are let through, and reported.
    y : array [N] or [N, outputs]
        The targets.
    loss : Loss or its short name, optional
        By default that of the last training.
    sample_weight : array [N], optional
    validation_data : (X, y) or (X, y, sample_weight), optional
        Records that it did not learn from: looked for among those that it did.
    feature_names : sequence of str
        What the columns are called; without names they are counted from 0, as rows are.
    member : int
        Which of K members to examine.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ValueError, TypeError
        If a shape or an argument is not usable, or the network was never trained and no loss is named.

    Examples
    --------
    A network whose eight ReLUs were all pushed below 0:

    >>> from pellucid import Dense, ReLU
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> network = Network(2, [Dense(8), ReLU(), Dense(1)], seed=0)
    >>> network.parameters["dense_1"]["bias"][...] = -100
    >>> found = diagnose(network, X, X[:, 0] + X[:, 1] ** 2, loss="squared_error")
    >>> print(found.findings[0])
    problem: dead_units (relu_1, units 0, 1, 2, 3, 4, 5, 6, 7)
      8 of 8 units of relu_1 give 0 for all 100 records and pass no gradient on.
      Why: A dead unit adds nothing, and as no gradient reaches its weights it cannot recover by itself.
      Try: A lower learning rate, scaled inputs, fewer units, or LeakyReLU in place of ReLU; then train anew.
    """
    if not isinstance(network, Network):
        raise TypeError(f"diagnose examines a Network, found {not_a_network(network, 'diagnose')}")
    one = single(network, member).copy()
    resolved = resolve_loss(loss, one)
    names = tuple(str(name) for name in feature_names)
    if names and (len(one.inputs) != 1 or len(names) != one.inputs[0]):
        raise ValueError(f"feature_names has {len(names)} names; the network takes records of width {one.inputs}")
    records = records_of(one, resolved, X, y, sample_weight)
    held_out = None
    if validation_data is not None:
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        try:
            held_out = records_of(one, resolved, *validation_data)
        except (ValueError, TypeError) as problem:
            raise type(problem)(f"validation_data: {problem}") from None
    penalty = remembered_penalty(one, loss, None)
    return judge(Examination(one, resolved, penalty, records, held_out, names))


def judge(seen: Examination) -> Diagnosis:
    """Make every check that can be made, and put what they found in order.

    Examples
    --------
    >>> from pellucid import Dense
    >>> alone = Examination(Network(1, [Dense(1)], seed=0), None, None, None, None)
    >>> judge(alone).made
    ('values that are not finite',)
    """
    findings: list[Finding] = []
    made, not_made = [], {}
    for name, check in CHECKS.items():
        try:
            # What overflows is reported, or is why a check cannot be made: it is not NumPy's to warn of.
            with np.errstate(all="ignore"):
                findings += check(seen)
            made.append(name)
        except CannotCheckError as reason:
            not_made[name] = str(reason)
    findings.sort(key=lambda finding: finding.severity != "problem")  # stable: within each, the order of the checks
    return Diagnosis(tuple(findings), tuple(made), not_made)
