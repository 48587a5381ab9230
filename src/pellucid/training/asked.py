"""How a run is asked to pause, by Ctrl-C or by whoever ends processes."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Asked:
    """Whether somebody has asked a run to pause: the signal that came, or None.

    Examples
    --------
    >>> Asked().signal is None
    True
    """

    signal: int | None = None


class TrainingInterrupted(KeyboardInterrupt):
    """Training was interrupted, by Ctrl-C or SIGTERM, and has saved where it was: the text says how to go on.

    Examples
    --------
    >>> issubclass(TrainingInterrupted, KeyboardInterrupt)
    True
    >>> str(TrainingInterrupted(signal.SIGINT, "epoch 3 of 10", "saved in run"))
    'SIGINT after epoch 3 of 10; saved in run. The same call with the same checkpoint goes on there'
    """

    def __init__(self, number: int, where: str, kept: str, how: str = "call with the same checkpoint") -> None:
        self.number, self.where, self.kept = number, where, kept
        super().__init__(f"{signal.Signals(number).name} after {where}; {kept}. The same {how} goes on there")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.number, self.where, self.kept)

    def in_words(self, how: str) -> "TrainingInterrupted":
        """Return the same, with another name for what is to be done again."""
        return TrainingInterrupted(self.number, self.where, self.kept, how)


@contextmanager
def listening() -> Iterator[Asked]:
    """While this lasts, let Ctrl-C and SIGTERM ask for a pause in place of ending things at once.

    A second one acts as it would have without this. Only the main thread hears signals; elsewhere nothing changes.

    Examples
    --------
    >>> with listening() as asked:
    ...     signal.raise_signal(signal.SIGINT)
    ...     asked.signal == signal.SIGINT
    True
    """
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before: dict[int, Any] = {}

    def heard(number: int, frame: FrameType | None) -> None:
        asked.signal = number
        put_back()

    def put_back() -> None:
        while before:
            number, handler = before.popitem()
            signal.signal(number, handler)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if handler not in (signal.SIG_IGN, None):  # what is ignored stays so; None: not set from Python
                before[number] = handler
                signal.signal(number, heard)
        yield asked
    finally:
        put_back()
