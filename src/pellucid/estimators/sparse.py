"""Tables that are mostly zeros."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from pellucid.arrays import Array

ROWS_AT_ONCE = 1024
"""How many rows are made dense at a time in prediction."""


class SparseRecords:
    """A sparse matrix as far as training needs it: rows of it, and its products with dense matrices.

    The lowest layer's products, x W and x^T dy, are then SciPy's, which skip the zeros. Whatever else wants the
    values gets a dense array.

    Parameters
    ----------
    matrix : scipy.sparse matrix or array [N, I]
    dense_rows : bool
        Whether rows are handed out as dense arrays, for a lowest layer that is not a plain product.

    Examples
    --------
    >>> records = SparseRecords(sparse.csr_array([[0.0, 2.0], [0.0, 0.0]]))
    >>> records[[0]] @ np.array([[1.0], [10.0]])
    array([[20.]])
    """

    ndim = 2

    def __init__(self, matrix: Any, dense_rows: bool = False) -> None:
        self.matrix = sparse.csr_array(matrix)
        self.dense_rows = dense_rows
        self.shape, self.dtype = self.matrix.shape, self.matrix.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> Any:
        found = self.matrix[rows]
        return found.toarray() if self.dense_rows else SparseRecords(found)

    def astype(self, dtype: Any, copy: bool = False) -> "SparseRecords":
        """Return the records in another precision."""
        return SparseRecords(self.matrix.astype(dtype, copy=copy), self.dense_rows)

    def blocks(self) -> Iterator[Any]:
        """Give the records a part at a time."""
        for start in range(0, len(self), ROWS_AT_ONCE):
            yield self[start : start + ROWS_AT_ONCE]

    def __matmul__(self, other: Array) -> Array:
        product: Array = self.matrix @ other
        return product

    @property
    def mT(self) -> Any:  # noqa: N802 - the array interface's own name
        """The matrix transposed, for products only."""
        return self.matrix.T

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.matrix.toarray(), dtype=dtype)
