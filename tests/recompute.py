"""Working out a rendering again from the figures that it shows, as a person with a calculator would."""

import math
import re

from pellucid.insight.terms import figure

FUNCTIONS = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "erf": math.erf,
    "abs": abs,
    "sign": lambda value: (value > 0) - (value < 0),
    "max": max,
    "min": min,
}


def computed(numbers):
    """Work out a line of arithmetic, as a person with a calculator would."""
    plain = re.sub(r"\{[^}]*\}", "", numbers).replace("^", "**")
    try:
        return float(eval(plain, {"__builtins__": {}}, FUNCTIONS))
    except (OverflowError, ZeroDivisionError):
        return math.inf
    except ValueError:
        return math.nan


def chains(text):
    """Give every equation of the text as the list of its sides; one that goes on in further lines as a whole."""
    joined = re.sub(r"\n {4,}(?!d\S+: )", " ", text)
    for line in joined.splitlines():
        if " = " in line and not line.startswith("One "):
            body = re.sub(r"   \(.*\)$", "", line.strip())
            yield [side.strip() for side in re.split(r" [=≈≠] ", body)], "≈" in line or "≠" in line


def on_one_line_each(seen, record=None, unit=None):
    """Return a trace's text with no line folded, and none set in, as those within blocks are."""
    return "\n".join(line.strip() for line in seen.text(record, unit, width=100_000).splitlines())


def of_numbers_alone(side):
    return not re.search(
        r"[A-Za-zπ_'\[\]]", re.sub(r"\b(?:exp|log|sqrt|tanh|erf|abs|sign|max|min)\(|e[-+]\d|\{.*?\}", "", side)
    )


def check_text(text):
    """Work out every equation of a rendering again; return how many there were."""
    count = 0
    for sides, rough in chains(text):
        numeric = [side for side in sides[1:] if of_numbers_alone(side)]
        if len(numeric) < 2 or rough:
            continue
        again, shown = computed(numeric[-2]), numeric[-1]
        digits = len(re.sub(r"e.*|[-.]", "", shown).lstrip("0")) or 1
        assert figure(again, digits) == figure(float(shown), digits), sides
        count += 1
    return count
