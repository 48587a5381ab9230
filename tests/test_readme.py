"""The README's example gives the output that stands below it."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_example_prints_what_the_readme_shows():
    text = README.read_text(encoding="utf-8")
    code, shown = re.search(r"```python\n(.*?)```\s*```text\n(.*?)```", text, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})

    def settled(output):
        # The time taken and the last rounding error are the machine's own.
        return re.sub(r"\d+\.\d+ s|\d\.\de-1\d \(\S+\)", "...", output.strip())

    assert settled(printed.getvalue()) == settled(shown)


def test_links_lead_somewhere():
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (README.parent / target).exists(), target
