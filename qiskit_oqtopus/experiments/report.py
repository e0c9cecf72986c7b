"""One page about a night of calibration: what was planned, found and stated, to open anywhere."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from importlib import metadata, resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from ..drawing import draw_device, plot_comparison
from ..drawing.pyplot import import_pyplot
from ..exceptions import OqtopusOptionError
from ..files import write_whole
from .comparison import describe, wide_table
from .history import add_change, find_last_night, write_night

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

WORST = 5
"""How many of the worst elements are named for each quantity."""

MANY_SIGMA = 3
"""How many standard errors are more than chance."""

NARROW = 24
"""Up to how many elements comparisons stand side by side."""

_PACKAGES = ("qiskit-oqtopus", "qiskit", "qiskit-experiments", "qulacs", "numpy", "scipy")
_STYLES = {"light": "default", "dark": "dark_background"}
_DPI = 110
_SMALL_IS_GOOD = ("EP", "readout")


def write_report(
    folder: str | os.PathLike[str],
    table: DataFrame,
    *,
    device: Any = None,
    plan: str = "",
    figures: Mapping[str, Figure] | None = None,
) -> Path:
    """Write the page, the tables and the pictures.

    What has changed since the last night of the device stands on the page, if that has a report in
    a folder beside this one.

    Args:
        folder: Where ``index.html``, ``values.csv``, ``qubits.csv``, ``couplings.csv`` and
            ``figures/`` are written; it is made if it is not there.
        table: A table of ``Characterization.table``.
        device: What :func:`.drawing.draw_device` draws; None leaves the chip maps out.
        plan: What was planned, as text.
        figures: Pictures of single fits by their titles, such as those that failed.

    Returns:
        The path of ``index.html``. It needs no network and no other file.

    Raises:
        OqtopusOptionError: If the table has no rows.
        OSError: If something cannot be written.
    """
    if not len(table):
        raise OqtopusOptionError("The table has no rows: there is nothing to report.")
    path = Path(folder)
    (path / "figures").mkdir(parents=True, exist_ok=True)
    before = find_last_night(path, table)
    write_night(path, table)
    if before is not None:
        table = add_change(table, before)
    wide = wide_table(table)
    is_coupling = wide.index.str.contains("-")
    for name, rows in (("qubits", wide[~is_coupling]), ("couplings", wide[is_coupling])):
        write_whole(path / f"{name}.csv", rows.dropna(axis=1, how="all").to_csv())
    pictures = _Pictures(path / "figures")
    sections = [
        ("Chip", _draw_maps(pictures, wide, device) if device is not None else ""),
        ("Found and stated", _draw_comparisons(pictures, table)),
        ("Since the last night", _describe_change(table, before)),
        (f"The worst {WORST}", _list_worst(table)),
        ("Fits that failed", _list_failed(pictures, table, figures or {})),
        ("All values", _build_table(table)),
        ("Plan", f"<pre>{escape(plan)}</pre>" if plan else ""),
        ("Jobs and versions", _list_origins(table)),
    ]
    page = Template(_read("report.html")).substitute(
        title=escape(str(table.attrs.get("device") or "Characterization")),
        summary=_summarize(table),
        contents="".join(
            f'<a href="#{_slug(name)}">{escape(name)}</a>' for name, body in sections if body
        ),
        body="".join(
            f'<section id="{_slug(name)}"><h2>{escape(name)}</h2>{body}</section>'
            for name, body in sections
            if body
        ),
    )
    index = path / "index.html"
    write_whole(index, page)
    return index


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _slug(name: str) -> str:
    """Return a name as part of an address.

    >>> _slug("readout 0->1")
    'readout-0-1'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _summarize(table: DataFrame) -> str:
    elements = table["element"].nunique()
    bad = int((table["quality"] != "good").sum())
    facts = {
        "calibration": table.attrs.get("calibrated_at"),
        "measured": table.attrs.get("run_time"),
        "elements": elements,
        "values": len(table),
        "bad": bad,
    }
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in facts.items()
        if value is not None
    )


# -- pictures -------------------------------------------------------------------------------------


class _Pictures:
    """Draws pictures for light and for dark pages, and keeps the light ones as files.

    Args:
        folder: Where the files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plt = import_pyplot()

    def draw(self, name: str, draw: Callable[[], Any]) -> str:
        """Return a picture as HTML.

        Args:
            name: What it shows.
            draw: Draws it, and returns its axes.
        """
        sources = {}
        for theme, style in _STYLES.items():
            with self._plt.style.context(style), _no_window(self._plt):
                figure = draw().figure
                sources[theme] = self._save(figure, name if theme == "light" else None)
                self._plt.close(figure)
        return (
            f'<figure><picture><source media="(prefers-color-scheme: dark)" '
            f'srcset="{sources["dark"]}"><img alt="{escape(name)}" src="{sources["light"]}">'
            f"</picture></figure>"
        )

    def show(self, name: str, figure: Figure) -> str:
        """Return a picture that there is already as HTML."""
        source = self._save(figure, name)
        return f'<figure class="paper"><img alt="{escape(name)}" src="{source}"></figure>'

    def _save(self, figure: Figure, name: str | None) -> str:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI)
        if name is not None:
            (self._folder / f"{_slug(name)}.png").write_bytes(buffer.getvalue())
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


@contextmanager
def _no_window(plt: Any) -> Iterator[None]:
    """Draw without showing anything, also in a notebook."""
    interactive = plt.isinteractive()
    plt.ioff()
    try:
        yield
    finally:
        if interactive:
            plt.ion()


def _draw_maps(pictures: _Pictures, wide: DataFrame, device: Any) -> str:
    """Draw the chip once for each quantity of its qubits."""
    names = [name for name in wide.columns if not name.endswith(" stderr")]
    is_coupling = wide.index.str.contains("-")
    of_qubits = [name for name in names if wide.loc[~is_coupling, name].notna().any()]
    of_couplings = [name for name in names if wide.loc[is_coupling, name].notna().any()]
    couplings: Any = wide.loc[is_coupling, of_couplings[0]] if of_couplings else {}

    def draw(name: str) -> Callable[[], Any]:
        return lambda: draw_device(device, wide.loc[~is_coupling, name], couplings)

    maps = "".join(pictures.draw(f"{name} on the chip", draw(name)) for name in of_qubits)
    return f'<div class="maps">{maps}</div>'


def _draw_comparisons(pictures: _Pictures, table: DataFrame) -> str:
    def draw(rows: DataFrame, quantity: str) -> Callable[[], Any]:
        return lambda: plot_comparison(rows, quantity)

    html = []
    for kind, rows in _by_kind(table):
        for quantity in dict.fromkeys(rows["quantity"]):
            chosen = rows[rows["quantity"] == quantity]
            if chosen["value"].notna().any():
                html.append(pictures.draw(f"{quantity} of {kind}", draw(chosen, quantity)))
    drawn = "".join(html)
    # Those of few elements are small enough to stand side by side.
    return drawn if table["element"].nunique() > NARROW else f'<div class="maps">{drawn}</div>'


def _by_kind(table: DataFrame) -> Iterable[tuple[str, DataFrame]]:
    is_coupling = table["element"].str.contains("-")
    return [
        (kind, rows)
        for kind, rows in (("qubits", table[~is_coupling]), ("couplings", table[is_coupling]))
        if len(rows)
    ]


# -- lists and tables -----------------------------------------------------------------------------


def _list_worst(table: DataFrame) -> str:
    html = []
    for kind, rows in _by_kind(table):
        for quantity in dict.fromkeys(rows["quantity"]):
            chosen = rows[(rows["quantity"] == quantity) & rows["value"].notna()]
            worst = chosen.sort_values(
                "value", ascending=not quantity.startswith(_SMALL_IS_GOOD)
            ).head(WORST)
            items = "".join(
                f"<li><b>{escape(str(row['element']))}</b> {_show(row)}</li>"
                for _, row in worst.iterrows()
            )
            if items:
                name = escape(f"{quantity} of {kind}")
                html.append(f"<div><h3>{name}</h3><ol>{items}</ol></div>")
    return f'<div class="lists">{"".join(html)}</div>' if html else ""


def _describe_change(table: DataFrame, before: DataFrame | None) -> str:
    """Return what the last night was, and what has changed most since then."""
    if before is None:
        return (
            "<p>There is no earlier night of this device in a folder beside this one, so that "
            "nothing can be said of changes.</p>"
        )
    known = table[table["change_sigma"].notna()]
    large = known[known["change_sigma"].abs() > MANY_SIGMA]
    order = known["change_sigma"].abs().sort_values(ascending=False, kind="stable").index
    when = f"{before['time'].iloc[0]:%Y-%m-%d %H:%M} UTC"
    name = Path(before["file"].iloc[0]).parent.name
    items = "".join(
        f"<li><b>{escape(str(row['element']))}</b> {escape(str(row['quantity']))}: "
        f"{escape(_show_change(row))}</li>"
        for _, row in known.loc[order].head(WORST).iterrows()
    )
    told = f"The last night was that of {when}, in the folder {escape(name)}."
    if not items:
        return f"<p>{told} It has no value in common with this one.</p>"
    return (
        f"<p>{told} Of {len(known)} values that both nights have, {len(large)} changed by more "
        f"than {MANY_SIGMA} standard errors. The largest changes:</p><ol>{items}</ol>"
    )


def _show_change(row: Mapping[str, Any]) -> str:
    """Return a change with its error and its sigma; nothing where there is none."""
    change = float(row.get("change", np.nan))
    text = describe(change, float(row.get("change_stderr", np.nan)), _text(row["unit"]))
    if not text:
        return ""
    sigma = float(row["change_sigma"])
    sign = "" if text.startswith("-") else "+"
    return f"{sign}{text}" + (f" ({sigma:+.1f} σ)" if np.isfinite(sigma) else "")


def _list_failed(pictures: _Pictures, table: DataFrame, figures: Mapping[str, Figure]) -> str:
    failed = table[table["quality"] != "good"]
    if not len(failed) and not figures:
        return "<p>None.</p>"
    items = "".join(
        f"<li><b>{escape(str(row['element']))}</b> {escape(str(row['quantity']))}: "
        f"{escape(_text(row['reason']) or 'the fit is bad')}"
        f"{'; ' + _show(row) if _show(row) else ''}</li>"
        for _, row in failed.iterrows()
    )
    shown = "".join(
        f"<h3>{escape(title)}</h3>{pictures.show(title, figure)}"
        for title, figure in figures.items()
    )
    return f"<ul>{items}</ul>{shown}"


def _build_table(table: DataFrame) -> str:
    names = ["element", "quantity", "found", "stated", "sigma", "change", "quality"]
    names += ["points", "reason"]
    head = "".join(f'<th scope="col"><button>{name}</button></th>' for name in names)
    rows = "".join(_build_row(row) for _, row in table.iterrows())
    return (
        '<input type="search" placeholder="Filter, e.g. Q12 or T1" aria-label="Filter the rows">'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _build_row(row: Mapping[str, Any]) -> str:
    digits = re.findall(r"\d+", str(row["element"]))
    place = sum(int(number) * 1000.0**-at for at, number in enumerate(digits))
    unit = _text(row["unit"])
    cells = [
        (str(row["element"]), place + 1e6 * (len(digits) - 1)),
        (str(row["quantity"]), None),
        (_show(row), row["value"]),
        (describe(float(row["stated"]), np.nan, unit), row["stated"]),
        (f"{row['sigma']:+.1f}" if np.isfinite(row["sigma"]) else "", row["sigma"]),
        (_show_change(row), row.get("change_sigma", np.nan)),
        (_text(row["quality"]), None),
        (_text(row["points"]), None),
        (_text(row["reason"]), None),
    ]
    html = "".join(
        f"<td>{escape(text)}</td>"
        if order is None
        else f'<td data-order="{float(order) if np.isfinite(order) else ""}">{escape(text)}</td>'
        for text, order in cells
    )
    return f"<tr{' class=bad' if row['quality'] != 'good' else ''}>{html}</tr>"


def _show(row: Mapping[str, Any]) -> str:
    return describe(float(row["value"]), float(row["stderr"]), _text(row["unit"]))


def _text(value: Any) -> str:
    """Return text, and nothing for what is missing."""
    return "" if value is None or value != value else str(value)


def _list_origins(table: DataFrame) -> str:
    ids = [_text(job_id) for job_id in dict.fromkeys(table["job_id"])]
    jobs = "".join(f"<li><code>{escape(job_id)}</code></li>" for job_id in ids if job_id)
    versions = "".join(
        f"<li>{name} {escape(metadata.version(name))}</li>"
        for name in _PACKAGES
        if _is_installed(name)
    )
    return (
        f'<div class="lists"><div><h3>Jobs</h3><ul>{jobs}</ul></div>'
        f"<div><h3>Versions</h3><ul>{versions}</ul></div></div>"
    )


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
