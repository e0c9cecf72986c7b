"""Links to names that a package re-exports lead to the modules where they are documented."""

from __future__ import annotations

import pkgutil
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


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
