"""Numbers, labels and names as a person reads them."""

from typing import Any

LONGEST_NAME = 40


def percent(share: float) -> str:
    """Return a share as a person reads it.

    Examples
    --------
    >>> percent(0.25), percent(0.0001), percent(0.0)
    ('25 %', 'under 0.1 %', '')
    """
    if not share:
        return ""
    return f"{100 * share:.3g} %" if share >= 0.001 else "under 0.1 %"


def shown(value: Any) -> str:
    """Return a label or a number as it is shown in a result.

    Examples
    --------
    >>> shown("spam"), shown(True), shown(1234567.0), shown(0.25)
    ("'spam'", 'True', '1,234,567', '0.25')
    """
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.5g}"
    text = repr(value)
    return text if len(text) <= 30 else f"{text[:26]}...{text[-1]}"


def text(name: object) -> str:
    r"""Return a name from a table as a picture can show it: on one line, not too long, no letter with a meaning.

    Examples
    --------
    >>> text("price in $"), text("_id")
    ('price in \\$', ' _id')
    """
    words = " ".join(str(name).split()) or " "
    words = words if len(words) <= LONGEST_NAME else f"{words[: LONGEST_NAME - 3]}..."
    words = f" {words}" if words.startswith("_") else words  # Matplotlib leaves such names out of legends
    return words.replace("$", r"\$")
