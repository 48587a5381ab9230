"""The ground that everything stands on: the commands of the README, the order of the rooms, what an import costs."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import pellucid

ROOT = Path(__file__).parents[1]
PACKAGE = Path(pellucid.__file__).parent

# The README's two commands

COMMANDS = {
    "run": "python3 -m venv .venv && .venv/bin/pip install '.[app]' && .venv/bin/pellucid demo",
    "test": (
        "python3 -m venv .venv && .venv/bin/pip install --upgrade pip && "
        ".venv/bin/pip install -e '.[app,scipy]' --group test && .venv/bin/pytest -n auto"
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_readme_has_the_command_between_its_markers(name):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    marked = re.findall(rf"<!-- command: {name} -->\s*```\w*\n(.*?)\n```\s*<!-- end of command -->", readme, re.DOTALL)
    assert marked == [COMMANDS[name]]


def test_ci_runs_the_very_test_command_last():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line for line in script.splitlines() if line.strip() and not line.startswith("#")]
    assert lines[-1] == COMMANDS["test"]
    assert any(line.startswith("export CI=true") for line in lines)


# The rooms, in the order in which data flows: each may import those above it.

# fmt: off
ORDER = [
    "_version", "errors", "extras", "arrays", "checks", "metrics", "functions", "initializers",
    "layers", "trial", "layout", "walk", "losses", "penalties", "configuration", "summary", "network",
    "gradients", "gradient_check", "schedules", "optimizers", "training", "engines", "insight",
    "files",
    "tables", "estimators", "exchange", "cli",
]
# fmt: on

# Where a room looks below itself all the same: always inside a function, at the moment of the call.
EXCEPTIONS = {
    ("pellucid.network", "gradients"),  # network.loss and network.gradient,
    ("pellucid.network", "training"),  # network.fit
    ("pellucid.network", "files"),  # and network.save: verbs of one line
    ("pellucid.training.loop", "engines"),  # the engine is found by its name
    ("pellucid.training.checkpoint", "engines"),  # it is told where to go on from,
    ("pellucid.training.checkpoint", "files"),  # which stands in a file
    ("pellucid.files.model", "tables"),  # and so are the kinds of thing
    ("pellucid.files.model", "estimators"),  # that a file holds beside a network
}

# Beyond NumPy and the standard library: in these rooms only, Matplotlib in one part of its room.
OUTSIDE = {
    "training": {"scipy"},
    "training.tracking": {"tensorboard", "mlflow"},
    "engines": {"jax", "platformdirs", "filelock"},
    "insight.plots": {"matplotlib"},
    "exchange": {"onnx"},
    "estimators": {"sklearn", "scipy", "threadpoolctl"},
    "tables": {"polars", "narwhals", "sklearn"},
    "tables.report": {"jinja2", "matplotlib"},
    "cli": {"rich", "cyclopts"},
    "cli.cross_validation": {"polars"},
}


class Import(NamedTuple):
    """One name that a module imports, and whether it does so inside a function."""

    module: str
    name: str
    inside_function: bool


def modules() -> dict[str, Path]:
    """Return every module of the package by its full name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("pellucid", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(module: str, path: Path) -> Iterator[Import]:
    """Give all that a module imports when it runs; what only a type checker reads is left out."""

    def names(node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively, in line {node.lineno}"
            return [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            wanted = node.args[0]
            if called in ("require", "import_module") and isinstance(wanted, ast.Constant):
                return [str(wanted.value)]
        return []

    def walk(node: ast.AST, inside: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            yield from (Import(module, name, inside) for name in names(child))
            yield from walk(child, inside or isinstance(child, ast.FunctionDef | ast.Lambda))

    return walk(ast.parse(path.read_text(encoding="utf-8")), False)


def room(name: str) -> str:
    """Return the room of a module, or of a public name taken from the package itself."""
    parts = name.split(".")
    if len(parts) == 1:
        return ""
    return pellucid._HOME.get(parts[1], "_version" if parts[1] == "__version__" else parts[1])


ALL_IMPORTS = [found for module, path in modules().items() for found in imports_of(module, path)]


def test_every_room_has_its_place_in_the_order():
    rooms = {room(module) for module in modules()} - {""}
    assert rooms == set(ORDER)


def test_design_page_lists_the_rooms_in_their_order():
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    assert re.findall(r"^    (\w+)(?:\.py|/) ", page, re.MULTILINE) == ORDER


def test_no_room_imports_one_below_it():
    wrong, used = [], set()
    for found in ALL_IMPORTS:
        here, there = room(found.module), room(found.name)
        if not found.name.startswith("pellucid") or here == there or not here:
            continue
        assert there in ORDER, f"{found.module} imports {found.name}"
        if ORDER.index(there) < ORDER.index(here):
            continue
        if (found.module, there) in EXCEPTIONS and found.inside_function:
            used.add((found.module, there))
        else:
            wrong.append(f"{found.module} imports {found.name}")
    assert not wrong
    assert used == EXCEPTIONS, "an exception that nothing needs any more"


def test_outside_packages_stay_in_their_rooms():
    known = {"numpy", "pellucid", *sys.stdlib_module_names}
    wrong = []
    for found in ALL_IMPORTS:
        package = found.name.partition(".")[0]
        part = ".".join(found.module.split(".")[1:3])
        if package not in known | OUTSIDE.get(room(found.module), set()) | OUTSIDE.get(part, set()):
            wrong.append(f"{found.module} imports {found.name}")
    assert not wrong


@pytest.mark.slow
def test_every_module_can_be_imported_first():
    # Cyclic imports show only when the right module comes first, so each comes first once.
    program = """
import importlib, json, sys
failed = {}
for name in json.loads(sys.argv[1]):
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] == "pellucid"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as problem:
        failed[name] = str(problem)
print(json.dumps(failed))
"""
    # An engine that compiles is looked for by name, and told by its extra where it is not installed.
    there = [name for name in modules() if "engines.jax" not in name or importlib.util.find_spec("jax")]
    assert json.loads(in_fresh_process(program, json.dumps(there))) == {}


# What an import costs


def in_fresh_process(program: str, *arguments: str) -> str:
    """Run a program in a new interpreter, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_numpy_and_nothing_else():
    loaded = {
        name: set(json.loads(in_fresh_process(f"import json, sys, {name}; print(json.dumps(list(sys.modules)))")))
        for name in ("numpy", "pellucid")
    }
    more = loaded["pellucid"] - loaded["numpy"]
    outside = {name for name in more if name.partition(".")[0] not in sys.stdlib_module_names}
    assert outside == {"pellucid", "pellucid._version"}


def test_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


# Documentation


@pytest.mark.parametrize("name", [name for name in pellucid.__all__ if name != "__version__"])
def test_public_name_is_documented_with_an_example(name):
    value = getattr(pellucid, name)
    assert value.__doc__, f"{name} has no docstring"
    assert ">>>" in value.__doc__, f"the docstring of {name} has no example"


def test_public_functions_of_the_rooms_are_documented_with_an_example():
    lacking = []
    for name in ("metrics", "tables", "training"):
        module = importlib.import_module(f"pellucid.{name}")
        for public in getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]:
            value = getattr(module, public)
            if callable(value) and getattr(value, "__module__", "").startswith(f"pellucid.{name}"):
                documented = value.__doc__ and (">>>" in value.__doc__ or isinstance(value, type))
                if not documented and (name, public) != ("training", "fit"):  # as Network.fit, which has one
                    lacking.append(f"pellucid.{name}.{public}")
    assert not lacking


# What never belongs into the repository

# fmt: off
NOT_OURS = {
    ".git", ".venv", ".hypothesis", ".pytest_cache", ".mypy_cache", ".ruff_cache", "__pycache__", "dist", "build",
    "_build", "generated", "jupyter_execute", "LICENSE",
}
# fmt: on
# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = re.compile(
    "|".join(
        [
            r"(?<![\w.~<>/-])/(?:work|root|home|Users|mnt|opt|srv|tmp)/" + r"\w",  # a folder of somebody's machine
            r"[A-Z]:\\" + r"Users",
            "py" + r"pi\.org|python" + r"hosted|download\.py" + r"torch|ana" + r"conda\.(?:org|com)",
            "index" + "-url|find" + "-links|trusted" + "-host",
        ]
    ),
    re.IGNORECASE,
)


def texts(folder: Path) -> Iterator[Path]:
    """Give every file of the repository, leaving out what tools make."""
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from texts(path)
        else:
            yield path


def test_no_machine_and_no_package_host_is_named():
    found = []
    for path in texts(ROOT):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for number, line in enumerate(text.splitlines(), 1):
            match = FORBIDDEN.search(line)
            if match:
                found.append(f"{path.relative_to(ROOT)}, line {number}: {match[0]}")
    assert not found
