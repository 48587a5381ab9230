"""``import pellucid`` against ``import numpy``, each in a process of its own.

Run it:  python -m benchmarks.importing
"""

import subprocess
import sys

from benchmarks.measure import in_turns, machine, rounds_wanted, table


def main():
    rounds = rounds_wanted(__doc__.splitlines()[0], 21)
    machine()

    def running(line):
        return lambda: subprocess.run([sys.executable, "-c", line], check=True)

    lines = ("import numpy", "import pellucid", "from pellucid import Network, Dense")
    sides = {line: running(line) for line in lines}
    table("Whole processes", in_turns(sides, rounds), "import numpy")
    code = (
        "import sys; before = set(sys.modules); import pellucid; "
        "new = set(sys.modules) - before; "
        "print(*sorted(name for name in new if name.split('.')[0] not in sys.stdlib_module_names))"
    )
    added = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    print(f"\nBeyond the standard library, import pellucid loads: {added}")


if __name__ == "__main__":
    main()
