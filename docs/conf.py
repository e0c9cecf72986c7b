"""Sphinx configuration; ``tox -e docs`` builds with warnings as errors."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import qiskit_oqtopus  # noqa: E402 - after sys.path, like every import of a Sphinx configuration

project = "qiskit-oqtopus"
author = "The qiskit-oqtopus developers"
copyright = f"2025-{date.today().year}, {author}"
version = release = qiskit_oqtopus.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    # Why local extensions. myst-nb would execute pages as well, but it brings some 35 packages
    # (Jupyter kernels over sockets, SQLAlchemy), it names the cell and not the line of the page
    # where a block failed, and it does not read the README. sphinx.ext.doctest needs the output
    # of each block written by hand, has no figures, and does not run where HTML is built.
    "executed_code",
    "notebooks",
    "public_names",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx-mathjax-offline",
]

exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Python blocks of these files are executed too, though they are not pages of this documentation.
executed_files = ["../README.md", "../README.ja.md"]

autosummary_generate = True
autodoc_member_order = "bysource"
# Defaults as they are written: what they evaluate to may be of this machine.
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("SamplerPubLike", "EstimatorPubLike")}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "ignore-module-all": True,  # what a package re-exports has its place in its own module
}
# "Attributes:" of a docstring is a list inside it, so that autodoc describes nothing twice.
napoleon_use_ivar = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Experiment options", "params_style")]

# Napoleon takes the words before a colon, in the first line of the docstring of a constant or
# property, for its type. Ours are sentences: their colons are hidden from it.
COLON = "\ue000"


def hide_colons(app, what, name, obj, options, lines):
    """Before napoleon: hide colons that are not the beginning of a directive or a role."""
    if what in ("attribute", "data", "property"):
        lines[:1] = [line.replace(": ", COLON) for line in lines[:1]]


def show_colons(app, what, name, obj, options, lines):
    """After napoleon: bring them back."""
    lines[:] = [line.replace(COLON, ": ") for line in lines]


# Users get these from a method; what their constructors take is nobody's business.
MADE_BY_METHODS = {
    "qiskit_oqtopus.cloud.backend.OqtopusBackend",
    "qiskit_oqtopus.cloud.job.OqtopusJob",
    "qiskit_oqtopus.cloud.script.ScriptJob",
    "qiskit_oqtopus.primitives.job.PrimitiveJob",
    "qiskit_oqtopus.simulator.job.QulacsJob",
}


def hide_arguments(app, what, name, obj, options, lines):
    """Show such a class without what its docstring says of them."""
    if name in MADE_BY_METHODS and "Args:" in lines:
        start = lines.index("Args:")
        end = start + 1
        while end < len(lines) and (not lines[end] or lines[end].startswith(" ")):
            end += 1
        del lines[start:end]


def hide_constructor(app, what, name, obj, options, signature, returns):
    """Show such a class without arguments."""
    return ("", "") if name in MADE_BY_METHODS else None


def setup(app):
    """Register with Sphinx."""
    # It only adds files, and does not say so: all pages would be read by one process.
    app.extensions["sphinx-mathjax-offline"].parallel_read_safe = True
    app.connect("autodoc-process-signature", hide_constructor)
    app.connect("autodoc-process-docstring", hide_arguments, priority=400)
    app.connect("autodoc-process-docstring", hide_colons, priority=400)
    app.connect("autodoc-process-docstring", show_colons, priority=600)


html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]

# What is printed is no code, and nobody types the prompt.
copybutton_selector = "div:not(.output-of-code) > div.highlight > pre"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = False
