"""The errors that Pellucid raises beyond Python's own ValueError and TypeError."""


class PellucidError(Exception):
    """Base of Pellucid's own errors; its text is written for the person who made the call.

    Examples
    --------
    >>> import pellucid
    >>> issubclass(pellucid.TableError, pellucid.PellucidError)
    True
    """


class TableError(PellucidError, ValueError):
    """A table cannot be used as it is: the text names the file, column and row, and what to do.

    Examples
    --------
    >>> import pellucid
    >>> issubclass(pellucid.TableError, ValueError)
    True
    """


class ModelFileError(PellucidError, ValueError):
    """A file is not a model that this version can read: damaged, foreign, or of a newer format.

    Examples
    --------
    >>> import pellucid
    >>> issubclass(pellucid.ModelFileError, ValueError)
    True
    """


class CheckpointError(PellucidError, ValueError):
    """A training cannot go on from a checkpoint, or cannot keep any: the text says why, and what to do.

    Examples
    --------
    >>> import pellucid
    >>> issubclass(pellucid.CheckpointError, ValueError)
    True
    """


class MissingExtraError(PellucidError, ImportError):
    """An optional part is not installed: the text names the extra to install.

    Examples
    --------
    >>> import pellucid
    >>> issubclass(pellucid.MissingExtraError, ImportError)
    True
    """
