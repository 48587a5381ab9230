"""The loss around a trained network: a slice of two directions through all parameters, and the way training took in it.

A slice of two dimensions shows little of a space of thousands: say what you see of the slice, not of the whole.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.arrays import Array
from pellucid.gradients import batch_of, loss_of_batch
from pellucid.insight.member import single
from pellucid.losses import Loss
from pellucid.network import Network, resolve_loss

MARGIN = 0.2
"""Share of the path's extent that the slice shows beyond it, on each side."""
NARROWEST = 0.3
"""How narrow the slice may be in one direction, as a share of the other, where the path is nearly straight."""


@dataclass(frozen=True, eq=False)
class LossLandscape:
    """A slice of the loss: theta = centre + first * directions[0] + second * directions[1].

    Attributes
    ----------
    centre : array [P]
        The parameters of the network.
    directions : array [2, P]
    first, second : array [N], array [M]
        How far along each direction; 0 is among them.
    losses : array [M, N]
        The loss at ``second[row], first[column]``, without penalty; not finite where it is not.
    centre_loss : float
        The loss of the network as it is.
    path : array [T, 2] or None
        The recorded parameters, projected on the directions.
    shares : (float, float) or None
        Which share of the path's variance lies along each direction.
    records : int
        On how many records the loss was computed.
    """

    centre: Array
    directions: Array
    first: Array
    second: Array
    losses: Array
    centre_loss: float
    path: Array | None
    shares: tuple[float, float] | None
    records: int


def loss_landscape(
    network: Network,
    X: Any,
    y: Any,
    *,
    loss: Loss | str | None = None,
    thetas: Any = None,
    points: int = 31,
    at_most: int = 1000,
    seed: int = 0,
    member: int = 0,
) -> LossLandscape:
    """Return a slice of the loss through the network's parameters.

    With ``thetas``, the parameters recorded in training, the directions are the two principal components of that
    path, and the slice is as wide as the path. Without, they are two random directions, scaled unit by unit to
    the length of the weights (biases stay as they are), and the slice goes from -1 to 1.

    It takes points² predictions.

    Parameters
    ----------
    network : Network
        Running statistics stay as they are now.
    X : array [B, inputs]
    y : array [B] or [B, outputs]
    loss : Loss or its short name; by default that of the last training
    thetas : array [T, P], or [T, K, P] for K members, optional
        Such as a :class:`pellucid.Recorder` keeps.
    points : int
        Of the grid, in each direction.
    at_most : int
        Of more records than this, so many are chosen at random; the result says how many were used.
    seed : int
        For that choice and the random directions.
    member : int
        Which of K members to look at.

    Returns
    -------
    LossLandscape

    Raises
    ------
    ValueError, TypeError
        If an argument is not usable, or there are no two directions to go in.

    Examples
    --------
    >>> from pellucid import Dense, Network
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> network.theta = [1.0, 0.0]
    >>> path = [[0.0, 0.5], [0.5, 0.5], [1.0, 0.0]]
    >>> slice_ = loss_landscape(network, [[0.0], [1.0]], [0.0, 1.0], loss="squared_error", thetas=path, points=5)
    >>> slice_.losses.shape, slice_.centre_loss, slice_.path[-1]
    ((5, 5), 0.0, array([0., 0.]))

    Source: Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural nets", 2018, section 4
    (filter normalisation) and section 7.2 (principal components of the path).
    """
    for name, value, least in (("points", points, 3), ("at_most", at_most, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, found {value!r}")
    moving = single(network, member).copy()
    resolved = resolve_loss(loss, network)
    batch = batch_of(moving, resolved, X, y)
    generator = np.random.default_rng(seed)
    if len(batch.target) > at_most:
        chosen = np.sort(generator.choice(len(batch.target), at_most, replace=False))
        batch = batch._replace(x=batch.x[chosen], target=batch.target[chosen])
    centre = moving.theta.copy()
    if len(centre) < 2:
        raise ValueError(f"a slice has two directions, and this network has {len(centre)} parameter(s)")
    path, shares = None, None
    if thetas is None:
        directions = np.stack([_random_direction(moving, generator) for _ in range(2)])
        reach = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    else:
        steps = _path(thetas, network, member) - centre.astype(np.float64)
        directions, shares = _principal_directions(steps, generator)
        path = steps @ directions.T  # [T,P] @ [P,2] -> [T,2]
        reach = _reach(path)
    first, second = (_grid(low, high, points) for low, high in reach)
    losses = np.empty((len(second), len(first)))
    for row, up in enumerate(second):
        for column, along in enumerate(first):
            moving.theta = centre + (along * directions[0] + up * directions[1]).astype(centre.dtype)
            losses[row, column] = loss_of_batch(moving, resolved, batch)
    moving.theta = centre
    here = float(loss_of_batch(moving, resolved, batch))
    return LossLandscape(centre, directions, first, second, losses, here, path, shares, len(batch.target))


def _path(thetas: Any, network: Network, member: int) -> Array:
    """Return the recorded parameters of one network, [T, P]."""
    given = np.asarray(thetas, dtype=np.float64)
    if given.shape[1:] != network.theta.shape or len(given) < 2:
        wanted = ", ".join(map(str, ("T", *network.theta.shape)))
        raise ValueError(f"thetas must be recorded parameters [{wanted}] with T at least 2, found {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError(f"thetas has {int((~np.isfinite(given)).sum())} values that are not finite")
    return given if network.members is None else given[:, member]


def _principal_directions(steps: Array, generator: np.random.Generator) -> tuple[Array, tuple[float, float]]:
    """Return the two principal components of a path, and their shares of its variance."""
    centred = steps - steps.mean(axis=0)
    _, lengths, components = np.linalg.svd(centred, full_matrices=False)  # [T,P] -> [R], [R,P]
    if not lengths[0] > 0:
        raise ValueError("thetas holds the same parameters throughout: leave it out, and directions are drawn")
    variances = np.append(lengths**2, 0.0)
    if len(lengths) < 2 or lengths[1] <= 1e-12 * lengths[0]:  # a straight path: any direction across it will do
        across = generator.standard_normal(steps.shape[1])
        across -= (across @ components[0]) * components[0]
        components = np.stack([components[0], across / np.linalg.norm(across)])
        variances[1] = 0.0
    total = float((lengths**2).sum())
    # The sign of a component means nothing; with this one, training goes from left to right and upwards.
    signs = np.where((steps[-1] - steps[0]) @ components[:2].T < 0, -1.0, 1.0)
    return components[:2] * signs[:, None], (float(variances[0]) / total, float(variances[1]) / total)


def _random_direction(network: Network, generator: np.random.Generator) -> Array:
    """Return a direction in which each unit's incoming weights are as long as the network's own.

    A parameter's last axis counts the units. One with a single axis that is no bias is scaled as a whole.
    """
    direction = np.zeros(network.layout.size)
    for slot in network.layout.slots:
        if slot.is_bias:
            continue
        units = slot.shape[-1] if len(slot.shape) > 1 else 1
        own = network.theta[slot.start : slot.stop].astype(np.float64).reshape(-1, units)
        drawn = generator.standard_normal(own.shape)
        scaled = drawn * np.linalg.norm(own, axis=0) / np.linalg.norm(drawn, axis=0)
        direction[slot.start : slot.stop] = scaled.reshape(-1)
    if not direction.any():
        raise ValueError("all weights are 0, so there is no direction that is scaled by them: train the network first")
    return direction


def _reach(path: Array) -> Array:
    """Return from where to where the slice goes in each direction, [2, 2]: the path, the centre, and some margin."""
    low, high = path.min(axis=0, initial=0.0), path.max(axis=0, initial=0.0)
    widest = float((high - low).max())
    missing = np.maximum(NARROWEST * widest - (high - low), 0.0) / 2
    margin = MARGIN * (high - low)
    return np.stack([low - missing - margin, high + missing + margin], axis=-1)


def _grid(low: float, high: float, points: int) -> Array:
    """Return points evenly from about ``low`` to ``high``, with 0 exactly among them."""
    step = (high - low) / (points - 1)
    return step * (np.arange(points) - math.floor(-low / step + 0.5))
