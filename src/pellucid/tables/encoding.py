"""From the columns of a table to what a network takes, learnt from the training rows alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import TableError
from pellucid.layers.chain import Chain
from pellucid.layers.layer import Layer
from pellucid.layers.one_hot import OneHot
from pellucid.layers.parallel import Parallel
from pellucid.layers.piecewise_linear import PiecewiseLinear
from pellucid.layers.select import Select
from pellucid.layers.soft_clip import SoftClip
from pellucid.network import Network
from pellucid.tables import dates
from pellucid.tables.kinds import Column
from pellucid.tables.scaler import Numbers, Scaler

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

EIGHTHS = 8
"""Parts that a column's values are told by, for whoever compares others with them."""
FEWEST_BINS, MOST_BINS, BINS_IN_ALL = 8, 16, 512
"""Of the piecewise-linear encoding of a number: as many of these as make so many in all columns together."""
PIECEWISE_SCALE = 0.25 * math.sqrt(3)
"""What makes all bins of a column together count about as much as the column itself."""
CLIPPED_AT = 5.0
"""Standard deviations: farther values are drawn towards it, so that no single one outweighs the rest."""
MOST_ENCODED = 500
"""With more numbers than this each stands by itself: their bins would be as many columns again, eight times over."""
MOST_ONE_HOT = 48
"""Categories of a column that get an input each; where there are more, each gets a short vector that is learnt."""
FEWEST_ROWS_OF_A_VECTOR = 3
"""Categories met in fewer training rows share one vector, which unseen ones get too."""

Part = Literal["value", "missing", "code", "vector"]
"""What an input holds: a number, whether there is none, a category's number, or that of a category with a vector."""
PARTS: tuple[Part, ...] = ("value", "missing", "code", "vector")


class Input(NamedTuple):
    """One input of the network.

    Attributes
    ----------
    name : str
        What a person calls it: the column's name, with what it tells of it where it has several inputs.
    column : int
        Which of the columns that are used it comes from.
    part : "value", "missing", "code" or "vector"
    levels : int
        How many categories there are: codes run from 0; the code 0 of a vector is any category without one of its own.
    """

    name: str
    column: int
    part: Part
    levels: int = 0


@dataclass(frozen=True, eq=False)
class Encoder:
    """The columns of a table as the inputs of a network, and what is known of each from the training rows.

    - A *number* is standardised; a gap is filled with the training rows' median, and where there were gaps among them a
      second input tells of it. The network clips it softly and looks at it in 8 to 16 bins, too.
    - *Yes or no* and an *ordered* category are numbers. A *date* is several: the day, the month, the weekday and so on.
    - A *category* is told by its number, which the network turns into zeros and a single one. With more than 48
      categories each has a vector that is learnt; those met fewer than three times share one.
    - An unseen category is none of those known: only zeros, or the vector that the rare ones share. So is a gap, and
      where there were gaps among the training rows a second input tells of it.

    Attributes
    ----------
    columns : tuple of Column
        Those that are used.
    inputs : tuple of Input
        The S inputs of the network.
    scaler : Scaler
        Of the inputs: mean and standard deviation of the numbers; 0 and 1 for all others.
    fill : array [S]
        What stands in a gap's place, in the column's units.
    quantiles : array [S, 9]
        The lowest value of each, the eighths, and the highest, in the column's units.
    missing : array [S]
        The share of gaps.
    shares : tuple of arrays
        Of each input, the share of each category among the rows that have one, [L]; empty for numbers.
    encoded : tuple of int
        The inputs that are encoded piecewise.
    edges, centres : tuple of tuple of float
        Of each of these, [bins + 1] and [bins], once standardised.

    Examples
    --------
    >>> import polars
    >>> from pellucid.tables.kinds import recognise
    >>> from pellucid.tables.reading import to_frame
    >>> frame = to_frame(polars.DataFrame({"area": [40.0, 60.0, None, 80.0], "city": ["Graz", "Linz", "Linz", None]}))
    >>> columns = recognise(frame, frame.columns, {})
    >>> encoder, inputs = Encoder.measure(columns, [column.read(frame[column.name]) for column in columns])
    >>> [one.name for one in encoder.inputs]
    ['area', 'area is missing', 'city', 'city is missing']
    >>> encoder.apply(encoder.values(frame)).round(3)
    array([[-1.414,  0.   ,  0.   ,  0.   ],
           [ 0.   ,  0.   ,  1.   ,  0.   ],
           [ 0.   ,  1.   ,  1.   ,  0.   ],
           [ 1.414,  0.   , -1.   ,  1.   ]])
    """

    columns: tuple[Column, ...]
    inputs: tuple[Input, ...]
    scaler: Scaler
    fill: Numbers
    quantiles: Numbers
    missing: Numbers
    shares: tuple[Numbers, ...]
    encoded: tuple[int, ...] = ()
    edges: tuple[tuple[float, ...], ...] = ()
    centres: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def measure(
        cls, columns: Sequence[Column], read: Sequence[Numbers], weights: Numbers | None = None
    ) -> tuple[Encoder, Numbers]:
        """Learn from the training rows; return the encoder, and these rows as the network takes them, [N, S].

        Parameters
        ----------
        columns : sequence of Column
        read : sequence of arrays [N]
            What each column reads in the N training rows, and in no others.
        weights : array [N], optional
            What each row counts, above 0.
        """
        used, inputs, values, gaps = [], [], [], []
        for index, (column, found) in enumerate(zip(columns, read, strict=True)):
            if column.kind == "category":
                column, found = _without_rare(column, found)
            used.append(column)
            missing = np.isnan(found)  # [N]
            own = _parts(column, found, index)
            if column.kind == "date":  # of dates within one month, the month tells nothing
                own = [own[0], *(part for part in own[1:] if len(np.unique(part[1][~missing])) > 1)]
            if missing.any() and not missing.all():
                own.append((Input(f"{column.name} is missing", index, "missing"), missing.astype(np.float64)))
            for one, numbers in own:
                inputs.append(one)
                values.append(numbers)
                gaps.append(_share(missing, weights))
        _refuse_same_names(used, inputs)
        matrix = np.stack(values, axis=1) if values else np.empty((0, 0))  # [N,S]
        fill = np.array([_fill(one, own, weights) for one, own in zip(inputs, matrix.T, strict=True)])
        filled = np.where(np.isnan(matrix), fill, matrix)
        measured = Scaler.measure(filled, weights)
        number = np.array([one.part == "value" for one in inputs], dtype=bool)
        scaler = Scaler(
            np.where(number, measured.mean, 0.0),
            np.where(number, measured.std, 1.0),
            measured.low,
            measured.high,
            measured.constant & (number | np.array([one.part == "missing" for one in inputs], dtype=bool)),
        )
        quantiles = eighths(filled, weights)
        shares = tuple(_shares(one, own, weights) for one, own in zip(inputs, matrix.T, strict=True))
        encoder = cls(tuple(used), tuple(inputs), scaler, fill, quantiles.T, np.array(gaps), shares)
        standardised = scaler.standardise(filled)
        return encoder._with_bins(standardised, weights), standardised

    def _with_bins(self, standardised: Numbers, weights: Numbers | None) -> Encoder:
        """Return the encoder with the bins of each number that has enough different values."""
        numbers = [
            place for place, one in enumerate(self.inputs) if one.part == "value" and not self.scaler.constant[place]
        ]
        if len(numbers) > MOST_ENCODED:
            return self
        encoded, edges, centres = [], [], []
        bins = min(max(BINS_IN_ALL // max(len(numbers), 1), FEWEST_BINS), MOST_BINS)
        for place in numbers:
            found = edges_of(standardised[:, place], bins, weights)
            # Edges that lie closer together than float32 can tell apart would divide by 0 there.
            found = found[np.concatenate([[True], np.diff(found) > 1e-6])]
            if len(found) > 2:
                clipped = np.clip((standardised[:, place, None] - found[:-1]) / np.diff(found), 0, 1)  # [N,bins]
                encoded.append(place)
                edges.append(tuple(found.tolist()))
                centres.append(tuple(np.average(clipped, axis=0, weights=weights).tolist()))
        return replace(self, encoded=tuple(encoded), edges=tuple(edges), centres=tuple(centres))

    def first_input(self, column: int) -> int:
        """Return the place of the first of the inputs that tell a column's values; of a date, that is its day."""
        return next(place for place, one in enumerate(self.inputs) if one.column == column)

    # From rows to the network's inputs

    def values(
        self, frame: nw.DataFrame[Any], source: str = "the table", rows: NDArray[np.intp] | None = None
    ) -> Numbers:
        """Return what the table holds, input by input and in the columns' own units, [N, S]; NaN in gaps.

        ``rows`` are the rows' numbers in a whole table, from 0, for messages.

        Raises
        ------
        TableError
            If a cell cannot be read as what its column holds.
        """
        matrix = np.empty((len(frame), len(self.inputs)))
        read: dict[int, dict[str, Numbers]] = {}  # of the column at hand only: a table may be wide
        for place, one in enumerate(self.inputs):
            if one.column not in read:
                column = self.columns[one.column]
                found = column.read(frame.get_column(column.name), source, rows)
                read = {one.column: {own.name: numbers for own, numbers in _parts(column, found, one.column)}}
                read[one.column][f"{column.name} is missing"] = np.isnan(found).astype(np.float64)
            matrix[:, place] = read[one.column][one.name]
        return matrix

    def apply(self, values: Numbers) -> Numbers:
        """Return the values [N, S] as the network takes them: gaps filled, numbers standardised."""
        return self.scaler.standardise(np.where(np.isnan(values), self.fill, values))

    # The network's own part

    def layers(self) -> list[Layer]:
        """Return the layers that encode the inputs: [B, S] -> [B, F]; codes of vectors come last, as they are."""
        chosen: dict[Part, list[int]] = {part: [] for part in ("value", "missing", "code", "vector")}
        for place, one in enumerate(self.inputs):
            if not self.scaler.constant[place]:
                chosen[one.part].append(place)
        branches: list[list[Layer]] = []
        if chosen["value"]:
            branches.append([Select(chosen["value"]), SoftClip(CLIPPED_AT)])
        if self.encoded:
            branches.append([Select(self.encoded), PiecewiseLinear(self.edges, self.centres, PIECEWISE_SCALE)])
        if chosen["missing"]:
            branches.append([Select(chosen["missing"])])
        if chosen["code"]:
            branches.append(
                [Select(chosen["code"]), OneHot(tuple(self.inputs[place].levels for place in chosen["code"]))]
            )
        if chosen["vector"]:
            branches.append([Select(chosen["vector"])])
        if len(branches) == 1:
            return branches[0]
        return [Parallel([Chain(branch) if len(branch) > 1 else branch[0] for branch in branches])]

    @property
    def vectors(self) -> tuple[int, ...]:
        """How many vectors each of the last columns of the encoded rows chooses from."""
        return tuple(one.levels for one in self.inputs if one.part == "vector")


def _parts(column: Column, found: Numbers, index: int) -> list[tuple[Input, Numbers]]:
    """Return the inputs that tell a column's values, with what each holds [N]."""
    if column.kind == "date":
        told = dates.parts(found, column.times)
        return [(Input(f"{column.name}: {part}", index, "value"), numbers) for part, numbers in told.items()]
    if column.kind != "category":
        return [(Input(column.name, index, "value"), found)]
    levels = len(column.levels)
    if levels <= MOST_ONE_HOT:
        return [(Input(column.name, index, "code", levels), found)]
    return [(Input(column.name, index, "vector", levels + 1), found + 1)]  # an unseen category's code is -1


def piecewise_of(network: Network) -> tuple[tuple[int, ...], tuple[Any, ...], tuple[Any, ...]]:
    """Return which inputs a network encodes piecewise, with their edges and centres, as an encoder keeps them."""
    first = network.layers[0]
    for branch in first.branches if isinstance(first, Parallel) else ():
        match getattr(branch, "layers", ()):
            case (Select(columns=places), PiecewiseLinear(edges=edges, centres=centres)) if centres is not None:
                return places, edges, centres
    return (), (), ()


def fits_column(one: Input, column: Column) -> bool:
    """Return whether an input is one of those that tell a column's values.

    Examples
    --------
    >>> fits_column(Input("age", 0, "value"), Column("age", "number"))
    True
    """
    own = _parts(column, np.empty(0), one.column)
    return any(one == known for known, _ in own) or one == Input(f"{column.name} is missing", one.column, "missing")


def _without_rare(column: Column, codes: Numbers) -> tuple[Column, Numbers]:
    """Let the rare ones of a great many categories go, so that what is learnt of them together serves unseen ones."""
    if len(column.levels) <= MOST_ONE_HOT:
        return column, codes
    known = codes[codes >= 0].astype(np.intp)
    often = np.bincount(known, minlength=len(column.levels)) >= FEWEST_ROWS_OF_A_VECTOR  # [L]
    if often.sum() <= MOST_ONE_HOT:
        return column, codes
    place = np.where(often, np.cumsum(often) - 1, -1)  # [L]: the code that is left
    codes = np.where(codes >= 0, place[np.where(codes >= 0, codes, 0).astype(np.intp)], codes)
    levels = tuple(level for level, kept in zip(column.levels, often, strict=True) if kept)
    rare = len(column.levels) - len(levels)
    note = f"{rare:,} of {len(column.levels):,} categories are met fewer than {FEWEST_ROWS_OF_A_VECTOR} times"
    notes = (*column.notes, f"{note}, and count as one") if rare else column.notes
    return replace(column, levels=levels, notes=notes), codes


def _refuse_same_names(columns: Sequence[Column], inputs: Sequence[Input]) -> None:
    first: dict[str, int] = {}
    for one in inputs:
        other = first.setdefault(one.name, one.column)
        if other != one.column:
            raise TableError(
                f"the columns {columns[other].name!r} and {columns[one.column].name!r} both make an input called "
                f"{one.name!r}; rename one of them"
            )


def _fill(one: Input, numbers: Numbers, weights: Numbers | None) -> float:
    """Return what stands in a gap's place."""
    if one.part != "value":
        return -1.0 if one.part == "code" else 0.0
    known = ~np.isnan(numbers)
    present = numbers[known]
    if weights is not None and len(present):
        order = np.argsort(present, kind="stable")
        reached = np.cumsum(weights[known][order])
        # The same two values in the middle as of so many copies; where one copy is both, it is that one.
        middle = [np.searchsorted(reached, reached[-1] / 2 * factor) for factor in (1 - 1e-12, 1 + 1e-12)]
        return float(sum(present[order[min(place, len(order) - 1)]] / 2 for place in middle))
    # Halves, as the sum of the two in the middle may overflow.
    return 2 * float(np.median(present / 2)) if len(present) else 0.0


def _share(rows: NDArray[np.bool_], weights: Numbers | None) -> float:
    return float(np.average(rows, weights=weights))


def eighths(filled: Numbers, weights: Numbers | None = None) -> Numbers:
    """Return, of each column [N, S], the values between which an eighth of the rows lie each, [9, S].

    Examples
    --------
    >>> eighths(np.arange(9.0)[:, None])[:, 0].tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    """
    wanted = np.linspace(0, 1, EIGHTHS + 1)
    if weights is None:
        found: Numbers = np.quantile(filled, wanted, axis=0, method="inverted_cdf")
        return found
    # As NumPy's of weighted columns, but a row of weight 2 is the very same as two rows.
    order = np.argsort(filled, axis=0, kind="stable")  # [N,S]
    reached = np.cumsum(weights[order], axis=0)
    places = [np.searchsorted(own, wanted * own[-1] * (1 - 1e-12)) for own in reached.T]  # [S,9]
    ordered = np.take_along_axis(filled, order, axis=0)
    return np.stack([own[place] for own, place in zip(ordered.T, places, strict=True)], axis=1)


def edges_of(values: Numbers, bins: int, weights: Numbers | None = None) -> Numbers:
    """Return where the bins of a column [N] begin and end, at most `bins` of them, in ascending order.

    Where the values are few, each is an edge: a customer's fourth call is not the third and a bit. Otherwise about as
    many rows lie between any two. A value that is met more often than that (in many tables most cells of a column are
    0) counts as one bin and no more, so that the other bins are left to the values beside it.

    Examples
    --------
    >>> edges_of(np.array([3.0, 1.0, 1.0, 2.0]), bins=8)
    array([1., 2., 3.])
    >>> edges_of(np.concatenate([np.zeros(900), np.arange(1.0, 101.0)]), bins=8).round()
    array([  0.,  15.,  29.,  43.,  58.,  72.,  86., 100.])
    """
    found, place = np.unique(values, return_inverse=True)
    if len(found) <= bins + 1:
        return found
    met = np.bincount(place, weights).astype(np.float64)  # [D]: how often each value is
    often = np.sort(met)[::-1][:bins]
    # If the j values met most often fill a bin each, this is what is left for each of the other bins.
    left = (met.sum() - np.cumsum(often) + often) / np.arange(bins, 0, -1)
    reached = np.cumsum(np.minimum(met, left[np.argmax(often <= left)]))
    wanted = np.linspace(0, 1, bins + 1)[1:-1] * reached[-1]
    inner = np.searchsorted(reached, wanted * (1 - 1e-12))
    return np.unique(found[np.concatenate([[0], inner, [-1]])])


def _shares(one: Input, numbers: Numbers, weights: Numbers | None) -> Numbers:
    """Return the share of each category among the rows that have one."""
    if not one.levels:
        return np.empty(0)
    known = numbers >= 0  # neither a gap nor a code of none
    counts = np.bincount(
        numbers[known].astype(np.intp), None if weights is None else weights[known], minlength=one.levels
    )
    return np.asarray(counts / max(counts.sum(), 1e-300), dtype=np.float64)
