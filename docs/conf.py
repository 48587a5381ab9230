"""How the documentation is built: sphinx-build -W --keep-going -b html docs docs/_build/html."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

import pellucid

project = "Pellucid"
author = "The Pellucid developers"
copyright = author
release = version = pellucid.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "api/generated/*.md"]
templates_path = ["_templates"]

# Every example on every page runs on every build, and one that fails fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_merge_streams = True
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say what an argument is, with its shape
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
# Types are described in words, so these sections are set as plain lists and not looked up as cross-references.
napoleon_custom_sections = [("Attributes", "params_style"), ("Raises", "params_style")]

# A cross-reference that leads nowhere fails the build.
nitpicky = True
nitpick_ignore = [
    ("py:func", "reduce"),  # of pellucid.losses, for those who read the source
    ("py:func", "check_gradients"),  # in a table of summaries, which has no module to look in
]

html_theme = "pydata_sphinx_theme"
html_title = "Pellucid"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["pellucid.css"]
html_sidebars = {"*": [], "api/**": ["sidebar-nav-bs"]}  # pages at the top have no section to navigate in
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def every_public_name_is_documented(app: Sphinx) -> None:
    """Fail the build where a name of ``pellucid.__all__`` stands on no page of the reference, or on two."""
    listed: list[str] = []
    for page in sorted((Path(app.srcdir) / "api").glob("*.rst")):
        text = page.read_text(encoding="utf-8")
        listed += re.findall(r"^(?:\.\. py:data:: |   )pellucid\.(\w+)$", text, re.MULTILINE)
    missing = sorted(set(pellucid.__all__) - set(listed))
    unknown = sorted(set(listed) - set(pellucid.__all__))
    twice = sorted({name for name in listed if listed.count(name) > 1})
    for problem, names in (("lacks", missing), ("has unknown", unknown), ("has twice", twice)):
        if names:
            raise ExtensionError(f"the reference in docs/api {problem}: {', '.join(names)}")


def whole_first_line(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep Napoleon from reading the words before a colon in a property's first line as its type."""
    if what == "property" and lines:
        lines[0] = f": {lines[0]}"


def bars_are_bars(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep the bars of |x| from being read as the marks of a substitution; code is left as it is."""
    in_example = False
    for number, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            parts = line.split("``")  # every second one is code
            lines[number] = "``".join(part if at % 2 else part.replace("|", r"\|") for at, part in enumerate(parts))


def setup(app: Sphinx) -> None:
    """Connect the functions above."""
    app.connect("builder-inited", every_public_name_is_documented)
    # Both before Napoleon, which has priority 500.
    app.connect("autodoc-process-docstring", whole_first_line, priority=400)
    app.connect("autodoc-process-docstring", bars_are_bars, priority=401)
