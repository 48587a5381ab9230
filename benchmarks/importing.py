"""``import pellucid`` against ``import numpy``, each in a process of its own.

Run it:  python -m benchmarks.importing
"""

import subprocess
import sys

from benchmarks.measure import in_turns, machine, rounds_wanted, table


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 21)
    machine()

    def importing(name):
        return lambda: subprocess.run([sys.executable, "-c", f"import {name}"], check=True)

    sides = {"import numpy": importing("numpy"), "import pellucid": importing("pellucid")}
    table("Whole processes", in_turns(sides, rounds), "import numpy")
    code = "import sys, numpy; before = set(sys.modules); import pellucid; print(sorted(set(sys.modules) - before))"
    added = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    print(f"\nModules that import pellucid loads beyond NumPy's: {added}")


if __name__ == "__main__":
    main()
