"""Where names are documented: once, by short names; links to what is re-exported lead there."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Element | None:
    """Resolve e.g. ``qiskit_oqtopus.QulacsBackend``, or a method of it."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("qiskit_oqtopus."):
        return None
    try:
        owner = pkgutil.resolve_name(target)
    except (ImportError, AttributeError):
        return None
    module, name = getattr(owner, "__module__", None), getattr(owner, "__qualname__", None)
    if module is None or name is None or f"{module}.{name}" == target:
        return None
    return env.get_domain("py").resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], f"{module}.{name}", node, content
    )


_DOCUMENTED = re.compile(r"^\.\. auto(?:class|function):: (qiskit_oqtopus\.\S+)$", re.MULTILINE)


def find_documented(app: Sphinx) -> None:
    """Read which names have a place on the pages of the reference that are written by hand."""
    pages = Path(app.srcdir, "reference").glob("*.md")
    app.env.documented_by_hand = {
        name for page in pages for name in _DOCUMENTED.findall(page.read_text("utf-8"))
    }


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """Leave names that have a place on such a page out of the page of their module."""
    module, qualified = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    is_page_of_module = app.env.docname.startswith("reference/modules/")
    return (is_page_of_module and f"{module}.{qualified}" in app.env.documented_by_hand) or None


_ALIAS = re.compile(r"TypeAliasForwardRef\('(\w+)'\)")


def name_aliases(app: Sphinx, domain: str, kind: str, content: nodes.Element) -> None:
    """Show the names of ``autodoc_type_aliases`` inside of other types, too."""
    for text in list(content.findall(nodes.Text)):
        if _ALIAS.search(text):
            text.parent.replace(text, nodes.Text(_ALIAS.sub(r"\1", text)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("missing-reference", resolve)
    app.connect("builder-inited", find_documented)
    app.connect("autodoc-skip-member", skip)
    # After autodoc has added the types.
    app.connect("object-description-transform", name_aliases, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
