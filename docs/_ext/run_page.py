"""Run the Python blocks of one page, in order and in one namespace, in this process.

Usage: ``run_page.py JOB``, where JOB is a JSON file
``{"page": path, "figures": directory, "blocks": [{"line": number, "code": text}, ...]}``.
What came of it is written next to it, to a file with the suffix ``.out``:
``{"outputs": [{"text": ..., "figures": [[light, dark], ...], "card": ...}, ...], "error": error}``,
where the card is the HTML by which a notebook shows the value of the last line, or null, and the
error is null or ``{"line": ..., "text": ...}``.

The blocks see ``__name__ == "__main__"``, as a script does. This file is the main module that
worker processes import; it does nothing then.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

from two_grounds import save_both


def run_block(page: str, line: int, code: str, namespace: dict[str, Any]) -> Any:
    """Run a block that starts at a line of a page; return the value of a last expression."""
    # The leading newlines give tracebacks the line numbers, and thereby the text, of the page.
    tree = ast.parse("\n" * (line - 1) + code, filename=page)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, page, "exec"), namespace)
    return None if last is None else eval(compile(last, page, "eval"), namespace)


def save_figures(value: Any, folder: Path, stem: str) -> list[list[str]]:
    """Save what a block has drawn with pyplot, and the figure that is its value, if it is one."""
    figures = []
    if "matplotlib.pyplot" in sys.modules:
        pyplot = sys.modules["matplotlib.pyplot"]
        figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
        pyplot.close("all")
    value = getattr(value, "figure", value)  # qiskit-experiments wraps its figures
    if hasattr(value, "savefig") and value not in figures:
        figures.append(value)
    names = []
    for number, figure in enumerate(figures):
        names.append(save_both(figure, folder, f"{stem}-{number}"))
    return names


def card_of(value: Any) -> str | None:
    """Return what a notebook shows of the value of a block, if that is HTML."""
    return value._repr_html_() if hasattr(value, "_repr_html_") else None


def error_of(page: str, line: int) -> dict[str, Any]:
    """Return the error at hand: its line in the page, and its traceback from there on."""
    kind, error, trace = sys.exc_info()
    frames = traceback.extract_tb(trace)
    while frames and frames[0].filename != page:
        frames.pop(0)
    if frames:
        line = frames[0].lineno or line
    elif isinstance(error, SyntaxError) and error.filename == page:
        line = error.lineno or line
    text = "".join(frames.format() + traceback.format_exception_only(kind, error))
    return {"line": line, "text": text.rstrip()}


def main(path: Path) -> None:
    """Run the blocks that the file names."""
    job = json.loads(path.read_text())
    # A warning that a page's own code causes would surprise whoever copies that code.
    warnings.filterwarnings("error", module="__main__")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    outputs = []
    error = None
    for number, block in enumerate(job["blocks"]):
        text = io.StringIO()
        figures: list[list[str]] = []
        card = None
        try:
            with contextlib.redirect_stdout(text):
                value = run_block(job["page"], block["line"], block["code"], namespace)
            figures = save_figures(value, Path(job["figures"]), f"{path.stem}-{number}")
            card = card_of(value)
        # SystemExit too: whatever ends a block, the build is to say where.
        except BaseException:  # noqa: BLE001
            error = error_of(job["page"], block["line"])
            break
        finally:
            # The directory is another one each time, and gone when the page is read.
            shown = text.getvalue().replace(f"{Path.cwd()}{os.sep}", "")
            outputs.append({"text": shown, "figures": figures, "card": card})
    path.with_suffix(".out").write_text(json.dumps({"outputs": outputs, "error": error}))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
