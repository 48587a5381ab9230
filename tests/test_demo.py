"""The demo: its first screen is a trace to follow with a pencil, and its figures are those of the tutorial."""

import io
import re

import pytest
from rich.console import Console

from pellucid.cli import demo
from recompute import check_text


def written(draw):
    console = Console(file=io.StringIO(), width=100, highlight=False, force_terminal=False, color_system=None)
    draw(console)
    return console.file.getvalue()


def test_the_first_screen_can_be_worked_out_with_a_pencil():
    text = written(lambda console: demo.first_step(console, demo.first_network_example()))
    assert "Follow it with a pencil" in text
    assert check_text(text) == 17
    for line in (
        "z = x1*w1 + x2*w2 + x3*w3 + b = 1*0.37454 + 1*0.95071 + 0*0.73199 + 0.59866 = 1.9239",
        "dL/dw1 = dL/da * da/dz * dz/dw1 = ",
        "dL/da: SquaredError, da/dz: sigmoid_1, dz/dw1: dense_1",
        "w1' = w1 - step = ",
    ):
        assert line in text
    assert len(text.splitlines()) < 50


@pytest.mark.slow
def test_the_demo_shows_the_tutorials_figures_and_its_mistake():
    text = written(demo.show)
    assert text.index("Follow it with a pencil") < text.index("The tutorial has seven such records")
    for figure in ("0.02262959", "0.98778682", "0.01031463", "0.99440207", "0.05930351", "0.96175397"):
        assert figure in text
    assert re.search(r"the correct gradient: accepted", text)
    assert re.search(r"the tutorial's rule: refused", text)
    assert "By its derivative it is -0.0283366, but backward gave -0.0529734." in text
    assert "so [1, 0, 0] is of class 0" in text
    assert "so [0, 1, 0] is of class 1" in text
