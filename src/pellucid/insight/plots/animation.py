"""Training as a film: the diagram or the decision boundary, epoch by epoch, and how to save it."""

import contextlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import Array
from pellucid.insight.member import single
from pellucid.insight.plots.boundary import decision_boundary
from pellucid.insight.plots.diagram import diagram_limits, network_diagram
from pellucid.insight.plots.points import figure_size
from pellucid.insight.plots.style import matplotlib, new_axes
from pellucid.insight.recorder import Recorder
from pellucid.losses import Loss
from pellucid.network import Network

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes

MOST_FRAMES = 100
MILLISECONDS = 100
"""Between two frames, where the film is shown on a screen."""
PIXELS_AN_INCH = 100


def animate_diagram(
    recorder: Recorder,
    *,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    most_units: int = 16,
    most_lines: int = 100,
    most_frames: int = MOST_FRAMES,
    member: int = 0,
    ax: "Axes | None" = None,
) -> "FuncAnimation":
    """Return a film of the network's diagram over the epochs recorded.

    Widths and colours mean the same in all frames: the largest weight and bias of all are the widest and strongest.

    Parameters
    ----------
    recorder : Recorder
        With two records at least.
    feature_names, output_names, most_units, most_lines, member
        As for :func:`pellucid.insight.plots.network_diagram`.
    most_frames : int
        Of more records, so many are shown, evenly spread, the first and the last among them.
    ax : matplotlib axes, optional
        Where to draw; by default in a new figure. They are cleared for each frame.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Keep it in a variable as long as it is to run.

    Raises
    ------
    ValueError, TypeError
        If an argument is not usable; the text names it.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network
    >>> network = Network(1, [Dense(1)], seed=0)
    >>> recorder = Recorder(network)
    >>> history = network.fit([[1.0]], [1.0], loss="squared_error", epochs=2, callbacks=[recorder])
    >>> film = animate_diagram(recorder, ax=Figure().subplots())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_animation(film, pathlib.Path(folder) / "training.gif")
    """
    indices = _frames(recorder, most_frames)
    networks = [single(recorder.network_at(index), member) for index in indices]
    limits = diagram_limits(networks)
    given = ax is not None
    if ax is None:
        # A diagram chooses the size of its own figure; take it from one that is not kept.
        columns = len(networks[0].layers)
        ax = new_axes(figsize=(min(2.6 + 1.4 * columns, 14.0), 5.6))

    def draw(network: Network) -> None:
        network_diagram(
            network,
            ax=ax,
            feature_names=feature_names,
            output_names=output_names,
            most_units=most_units,
            most_lines=most_lines,
            limits=limits,
        )

    return _film(ax, given, networks, draw, _captions(recorder, indices, member))


def animate_boundary(
    recorder: Recorder,
    X: Any,
    y: Any = None,
    *,
    features: Sequence[int] = (0, 1),
    held: Mapping[int, float] | None = None,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    loss: Loss | str | None = None,
    resolution: int = 100,
    most_frames: int = MOST_FRAMES,
    member: int = 0,
    ax: "Axes | None" = None,
) -> "FuncAnimation":
    """Return a film of the decision boundary over the epochs recorded.

    Parameters
    ----------
    recorder : Recorder
        With two records at least.
    X, y, features, held, feature_names, class_names, loss, resolution, member
        As for :func:`pellucid.insight.plots.decision_boundary`.
    most_frames, ax
        As for :func:`animate_diagram`.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Keep it in a variable as long as it is to run.

    Raises
    ------
    ValueError, TypeError
        If the network predicts no classes, or an argument is not usable; the text names it.
    MissingExtraError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from matplotlib.figure import Figure
    >>> from pellucid import Dense, Network
    >>> network, X, y = Network(2, [Dense(1)], seed=0), [[0.0, 0.0], [1.0, 1.0]], [0, 1]
    >>> recorder = Recorder(network)
    >>> history = network.fit(X, y, loss="binary_cross_entropy_from_logits", epochs=2, callbacks=[recorder])
    >>> film = animate_boundary(recorder, X, y, resolution=10, ax=Figure().subplots())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_animation(film, pathlib.Path(folder) / "training.gif")
    """
    indices = _frames(recorder, most_frames)
    networks = [single(recorder.network_at(index), member) for index in indices]
    given = ax is not None
    ax = new_axes(ax, figsize=figure_size(class_names or ()))

    def draw(network: Network) -> None:
        decision_boundary(
            network,
            X,
            y,
            features=features,
            held=held,
            feature_names=feature_names,
            class_names=class_names,
            loss=loss,
            resolution=resolution,
            ax=ax,
        )

    return _film(ax, given, networks, draw, _captions(recorder, indices, member))


def save_animation(
    animation: "FuncAnimation", path: str | os.PathLike[str], *, fps: float = 10, overwrite: bool = False
) -> None:
    """Save a film as ``.gif``, or as ``.mp4`` where the program ffmpeg is installed.

    The file is complete or not there at all: it is written under another name first, then renamed.

    Parameters
    ----------
    animation : FuncAnimation
        Its figure stays open.
    path : str or Path
    fps : float
        Frames a second.
    overwrite : bool
        Whether a file of that name may be replaced.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False.
    FileNotFoundError
        If the folder does not exist.
    ValueError, TypeError
        If the name ends otherwise, ffmpeg is wanted and not found, or an argument is not usable.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from matplotlib.animation import FuncAnimation
    >>> from matplotlib.figure import Figure
    >>> figure = Figure(figsize=(1, 1))
    >>> film = FuncAnimation(figure, lambda number: figure.suptitle(str(number)), frames=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_animation(film, pathlib.Path(folder) / "film.gif")
    ...     [file.name for file in pathlib.Path(folder).iterdir()]
    ['film.gif']
    """
    films = matplotlib("animation")
    if not isinstance(animation, films.Animation):
        raise TypeError(f"animation must be an animation of Matplotlib, found a {type(animation).__name__}")
    if isinstance(fps, bool) or not isinstance(fps, int | float | np.integer | np.floating) or not 0 < fps < np.inf:
        raise ValueError(f"fps must be a positive number of frames a second, found {fps!r}")
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in (".gif", ".mp4"):
        raise ValueError(f"path must end with .gif or .mp4, found {target.name!r}")
    if suffix == ".mp4" and not films.FFMpegWriter.isAvailable():
        raise ValueError(
            f"{target.name}: a .mp4 needs the program ffmpeg, and it was not found: install it, or choose a name that "
            "ends with .gif"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: there is no such folder")
    if not overwrite and os.path.lexists(target):
        raise FileExistsError(
            f"{target}: a file of this name exists already; choose another name, or pass overwrite=True"
        )
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(8)}{suffix}")
    writer = films.PillowWriter(fps=fps) if suffix == ".gif" else films.FFMpegWriter(fps=fps)
    try:
        animation.save(temporary, writer=writer, dpi=PIXELS_AN_INCH)
        temporary.replace(target)
    finally:
        # After a rename it is gone already; after a failure this must not hide the failure's own error.
        with contextlib.suppress(OSError):
            temporary.unlink()


def _frames(recorder: Recorder, most: int) -> Array:
    """Return the indices of the records that are shown."""
    if not isinstance(recorder, Recorder):
        raise TypeError(f"recorder must be a Recorder, found a {type(recorder).__name__}")
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 2:
        raise ValueError(f"most_frames must be a whole number of at least 2, found {most!r}")
    if len(recorder) < 2:
        raise ValueError("recorder holds the start only: give it to fit as a callback, callbacks=[recorder]")
    return recorder.spread(int(most))


def _captions(recorder: Recorder, indices: Array, member: int) -> list[str]:
    """Return what the title says of each frame: the epoch, and the loss where it is known."""
    captions = []
    for epoch, loss in zip(recorder.epochs[indices], recorder.losses[indices], strict=True):
        value = float(loss if loss.ndim == 0 else loss[member])
        captions.append(f"epoch {epoch:,}" + (f", training loss {value:.4g}" if np.isfinite(value) else ""))
    return captions


def _film(
    ax: "Axes", given: bool, networks: Sequence[Network], draw: Callable[[Network], None], captions: Sequence[str]
) -> "FuncAnimation":
    """Return a film of one picture a network; the picture is drawn anew for each."""
    figure: Any = ax.get_figure(root=True)
    draw(networks[0])  # what does not fit is told now, not when the film is shown
    bars = [part.colorbar for part in ax.collections if part.colorbar is not None]
    if not given:
        # Otherwise the picture would move a little from frame to frame, as words in it grow longer.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    place = None if given else ax.get_position()

    def show(frame: int) -> list[Any]:
        ax.clear()
        draw(networks[frame])
        for part in ax.collections:  # the first colour bars stay, as they mean the same in every frame
            if part.colorbar is not None and part.colorbar not in bars:
                part.colorbar.remove()
        if place is not None:
            ax.set_position(place)  # a colour bar took room from it
        ax.title.set_text(f"{ax.get_title()}, {captions[frame]}")
        return []

    show(0)
    return matplotlib("animation").FuncAnimation(  # type: ignore[no-any-return]
        figure, show, frames=len(networks), interval=MILLISECONDS, cache_frame_data=False
    )
