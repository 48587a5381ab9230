"""The way from the average category to that of a row, which attribution goes: between two categories there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.layers.chain import Chain, joined, part
from pellucid.layers.dense import Dense
from pellucid.layers.embedding import Embedding
from pellucid.layers.layer import Layer
from pellucid.layers.one_hot import OneHot
from pellucid.layers.parallel import Parallel
from pellucid.layers.select import Select
from pellucid.network import Network
from pellucid.tables.encoding import Encoder
from pellucid.tables.scaler import Numbers

Parameters = Mapping[str, Any]

# So many standard deviations away the clip has long come to its end: the way need not go on.
FAR = 1e6


def network_of_row(network: Network, encoder: Encoder, row: Numbers) -> tuple[Network, Numbers, Numbers]:
    """Return a network in which each category is a number from 0, the average, to 1, this row's; the row; the average.

    What the network knows of a category is a vector: zeros and a single one, or one that was learnt. The average
    is that over the training rows. In between, the vector lies in between; at 0 and at 1 it is what the network sees.

    Parameters
    ----------
    network : Network
        Of a table model.
    encoder : Encoder
    row : array [S]
        As the network takes it.

    Returns
    -------
    network : Network
        Of this row alone.
    x, baseline : array [S]
        The row, and the mean of the training rows, as that network takes them.

    Examples
    --------
    >>> import polars
    >>> from pellucid.tables import TableModel
    >>> from pellucid.tables.reading import to_frame
    >>> frame = polars.DataFrame({"city": ["Graz", "Linz", "Wien", "Linz"] * 10, "y": [1.0, 2.0, 4.0, 2.1] * 10})
    >>> model = TableModel("y").fit(frame)
    >>> row = model.learnt.encoder.apply(model.learnt.encoder.values(to_frame(frame)))[2]
    >>> own, x, baseline = network_of_row(model.network, model.learnt.encoder, row)
    >>> x, baseline, bool(np.isclose(own.predict(x[None]), model.network.predict(row[None])).all())
    (array([1.]), array([0.]), True)
    """
    path = _Path(encoder, row)
    layers, parameters = [], []
    sources: list[int | None] = list(range(len(row)))
    for name, layer in zip(network.names, network.layers, strict=True):
        layer, own, sources = path.through(layer, network.parameters.get(name, {}), sources)
        layers.append(layer)
        parameters.append(own)
    found = Network(network.inputs, layers, seed=network.seed, dtype=network.dtype)
    for name, own in zip(found.names, parameters, strict=True):
        for key, value in own.items():
            found.parameters[name][key][...] = value
    categories = np.array([one.part in ("code", "vector") for one in encoder.inputs])
    gaps = np.array([one.part == "missing" for one in encoder.inputs])
    baseline = np.where(gaps, encoder.missing, 0.0)
    return found, np.where(categories, 1.0, np.clip(row, -FAR, FAR)), baseline


class _Path:
    """Put, layer by layer, in place of what looks categories up, a line from the average to this row's."""

    def __init__(self, encoder: Encoder, row: Numbers) -> None:
        self.encoder, self.row = encoder, row

    def through(
        self, layer: Layer, parameters: Parameters, sources: Sequence[int | None]
    ) -> tuple[Layer, dict[str, Any], list[int | None]]:
        """Return the layer, its parameters, and which input each number that comes out is, where it is one."""
        if isinstance(layer, Select):
            return layer, dict(parameters), [sources[column] for column in layer.columns]
        if isinstance(layer, OneHot):
            tables = [np.eye(count) for count in layer.levels]
            return self._line(tables, sources)
        if isinstance(layer, Embedding):
            return self._line([np.asarray(parameters["weights"])] * len(sources), sources)
        if isinstance(layer, Chain):
            children, own = [], []
            for name, child in zip(layer.names, layer.layers, strict=True):
                child, given, sources = self.through(child, part(parameters, name), sources)
                children.append(child)
                own.append(given)
            chain = Chain(children)
            return chain, joined(dict(zip(chain.names, own, strict=True))), list(sources)
        if isinstance(layer, Parallel):
            branches, given_by_name, ends = [], {}, []
            for name, branch in zip(layer.names, layer.branches, strict=True):
                branch, given_by_name[name], end = self.through(branch, part(parameters, name), sources)
                branches.append(branch)
                ends += end
            return Parallel(branches), joined(given_by_name), ends
        width = layer.output_shape((len(sources),))
        return layer, dict(parameters), [None] * int(np.prod(width))

    def _line(
        self, tables: Sequence[Any], sources: Sequence[int | None]
    ) -> tuple[Layer, dict[str, Any], list[int | None]]:
        """Return a layer of lines: of each category's input a, average + a (this row's vector - average)."""
        width = sum(table.shape[1] for table in tables)
        weights, bias, begin = np.zeros((len(tables), width)), np.zeros(width), 0
        for place, (table, source) in enumerate(zip(tables, sources, strict=True)):
            assert source is not None
            average = self._average(table, source)
            code = int(self.row[source])
            own = table[code] if code >= 0 else np.zeros(table.shape[1])
            block = slice(begin, begin + table.shape[1])
            weights[place, block], bias[block] = own - average, average
            begin = block.stop
        return Dense(width), {"weights": weights, "bias": bias}, [None] * width

    def _average(self, table: Numbers, source: int) -> Numbers:
        """Return the mean vector of the training rows; a gap has zeros, or where vectors are learnt the first."""
        missing = float(self.encoder.missing[source])
        mean: Numbers = (1 - missing) * (self.encoder.shares[source] @ table)
        return mean + missing * table[0] if self.encoder.inputs[source].part == "vector" else mean
