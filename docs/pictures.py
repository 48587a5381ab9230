"""Draw the pictures of the README and the documentation anew, from the program itself.

Run it:  python docs/pictures.py
"""

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from pellucid.cli import demo

PICTURES = Path(__file__).parent / "images"


def main() -> None:
    """Write demo.svg, which is the demo's first screen, and moons.png."""
    PICTURES.mkdir(exist_ok=True)
    console = Console(
        record=True, width=88, file=io.StringIO(), highlight=False, force_terminal=True, color_system="standard"
    )
    demo.first_step(console, demo.first_network_example())
    drawing = console.export_svg(title="pellucid demo", unique_id="demo")
    # Without the fonts that Rich would fetch from the net: the reader's own monospaced one serves.
    drawing = re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)
    (PICTURES / "demo.svg").write_text(drawing, encoding="utf-8")
    examples = Path(__file__).parents[1] / "examples"
    subprocess.run([sys.executable, str(examples / "moons.py"), str(PICTURES / "moons.png")], check=True)


if __name__ == "__main__":
    main()
