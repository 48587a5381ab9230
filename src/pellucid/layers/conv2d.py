"""Convolution over height and width."""

from dataclasses import dataclass

from pellucid.arrays import Array, matmul
from pellucid.initializers import GlorotUniform, Initializer, Zeros
from pellucid.layers.layer import Arrays, Cache, Context, Layer, Parameter, Shape
from pellucid.layers.unfolding import Unfolding, unfolding_of
from pellucid.layers.windows import Padding, Pair, Windows, both, checked_padding, checked_pair, windows


@dataclass(frozen=True)
class Conv2D(Layer):
    """Every output is a weighted sum over a window of height and width that slides over the record, plus a bias.

    y[p, q] = sum over i, j of x[p s + i, q s + j] W[i, j] + b, with the stride s: the cross-correlation that all
    libraries call convolution. Backward: db = sum of dy, dW[i, j] = sum of x[p s + i, q s + j]^T dy[p, q], and dx
    adds up dy[p, q] W[i, j]^T at [p s + i, q s + j]. Records are [H, W, C], channels last.

    Parameters
    ----------
    filters : int
        Number of outputs F at each position of the window.
    size : int or pair of int
        Height h and width w of the window.
    stride : int or pair of int
        How far the window goes from one position to the next.
    padding : "valid", "same", int or pair of int
        What zeros are put around: none; as many as give ceil(H / stride) rows, the odd one at the end; or so
        many on both sides.
    groups : int
        Into how many groups channels and filters are divided; each group of filters sees its own channels alone.
    bias : bool
        Whether to add a bias.
    weights_initializer, bias_initializer : Initializer
        How ``weights`` [h, w, C / groups, F] and ``bias`` [F] start.

    Raises
    ------
    ValueError
        If a setting is not a whole number that makes sense, the groups do not divide channels and filters, a record
        is not [H, W, C], or the window does not fit into it.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Conv2D(1, 2, bias=False)
    >>> parameters = {"weights": np.array([[1.0, 0.0], [0.0, -1.0]]).reshape(2, 2, 1, 1)}
    >>> y, cache = layer.forward(parameters, np.arange(9.0).reshape(1, 3, 3, 1), None)
    >>> y[0, :, :, 0]  # each value less its neighbour below and to the right
    array([[-4., -4.],
           [-4., -4.]])
    >>> layer.output_shape((28, 28, 1)), Conv2D(16, 3, stride=2, padding="same").output_shape((28, 28, 1))
    ((27, 27, 1), (14, 14, 16))

    Source: Goodfellow, Bengio and Courville, "Deep Learning", 2016, sections 9.1 and 9.5; Dumoulin and Visin, "A guide
    to convolution arithmetic for deep learning", 2016; the unfolding into matrix products: Chellapilla, Puri and
    Simard, "High performance convolutional neural networks for document processing", 2006.
    """

    filters: int
    size: int | Pair
    stride: int | Pair = 1
    padding: Padding = "valid"
    groups: int = 1
    bias: bool = True
    weights_initializer: Initializer = GlorotUniform()
    bias_initializer: Initializer = Zeros()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("filters", "groups"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"Conv2D: {name} must be a positive whole number, found {value!r}")
        if self.filters % self.groups:
            raise ValueError(f"Conv2D: groups must divide filters, found groups={self.groups}, filters={self.filters}")
        object.__setattr__(self, "size", checked_pair("Conv2D", "size", self.size))
        object.__setattr__(self, "stride", checked_pair("Conv2D", "stride", self.stride))
        object.__setattr__(self, "padding", checked_padding("Conv2D", self.padding))

    def _windows(self, shape: Shape) -> Windows:
        return windows("Conv2D", shape, self.size, self.stride, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        count = self._windows(input_shape).count
        if input_shape[2] % self.groups:
            raise ValueError(
                f"Conv2D: groups must divide the channels of a record, found groups={self.groups} and records of "
                f"shape {input_shape}"
            )
        return (*count, self.filters)

    def parameters(self, input_shape: Shape) -> dict[str, Parameter]:
        shape = (*both(self.size), input_shape[2] // self.groups, self.filters)
        weights = {"weights": Parameter(shape, self.weights_initializer)}
        bias = {"bias": Parameter((self.filters,), self.bias_initializer, is_bias=True)}
        return weights | bias if self.bias else weights

    def _unfolding(self, x: Array) -> Unfolding:
        return unfolding_of(self._windows(x.shape[-3:]), self.groups, x.shape[-1], self.filters)

    # In the shapes, G groups have f filters each; what k, R and r are, Unfolding tells.

    def forward(self, parameters: Arrays, x: Array, context: Context) -> tuple[Array, Cache]:
        unfolding = self._unfolding(x)
        wide, kernel = unfolding.unfold(x), unfolding.as_matrix(parameters["weights"])
        z = matmul(wide, kernel)  # [G,BRW',k] @ [G,k,rf] -> [G,BRW',rf]
        y = unfolding.join_rows(z, x.shape[-4])  # r times [G,BRW',f] -> [B,H',W',F]
        if self.bias:
            y = y + parameters["bias"][..., None, None, None, :]  # [B,H',W',F] + [1,1,1,F] -> [B,H',W',F]
        return y, {"x": x}

    def backward(self, parameters: Arrays, cache: Cache, dy: Array) -> tuple[Array, dict[str, Array]]:
        x, unfolding = cache["x"], self._unfolding(cache["x"])
        dz, kernel = unfolding.part_rows(dy), unfolding.as_matrix(parameters["weights"])
        gradients = self._gradients(x, dy, dz)
        d_wide = matmul(dz, kernel.mT)  # [G,BRW',rf] @ [G,rf,k] -> [G,BRW',k]
        dx = unfolding.fold(d_wide, x.shape[-4])  # [G,BRW',k] -> [B,H,W,C]
        return dx, gradients

    def gradients(self, parameters: Arrays, cache: Cache, dy: Array) -> dict[str, Array]:
        return self._gradients(cache["x"], dy, self._unfolding(cache["x"]).part_rows(dy))

    def _gradients(self, x: Array, dy: Array, dz: Array) -> dict[str, Array]:
        unfolding = self._unfolding(x)
        # Axis by axis: one long sum over all three would lose digits in float32.
        gradients = {"bias": dy.sum(axis=-2).sum(axis=-2).sum(axis=-2)} if self.bias else {}  # [B,H',W',F] -> [F]
        d_kernel = matmul(unfolding.unfold(x).mT, dz)  # [G,k,BRW'] @ [G,BRW',rf] -> [G,k,rf]
        gradients["weights"] = unfolding.as_weights(d_kernel)  # [G,k,rf] -> [h,w,C/G,F]
        return gradients
