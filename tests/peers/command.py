"""The command line: make the second environment, compare, write the page."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .cases import Case, all_cases
from .comparison import RIGHT, SHOTS, TOLERANCE, Verdict, judge
from .environment import Answer, PeerEnvironment
from .page import FACTS, page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "peers.md"

USED_BY_PEER = (
    "qiskit.providers.ProviderV1",
    "qiskit.providers.BackendV1",
    "qiskit.providers.models",
    "qiskit.providers.providerutils",
)
"""What qiskit-qulacs 0.1.0 imports from Qiskit 1 that later versions may not have."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; return the exit code: 0 if we are right everywhere and the page is true."""
    options = _parse(arguments)
    environment = PeerEnvironment(options.peer_env)
    _progress("The environment with Qiskit 1.4 and qiskit-qulacs (made once, then kept)")
    environment.create()
    cases = all_cases()
    _progress(f"{sum(len(case.circuits) for case in cases)} circuits")
    answers, facts = environment.ask(
        [
            (circuit, SHOTS if case.counts else 0)
            for case in cases
            if not case.ours_only
            for circuit in case.circuits
        ]
    )
    verdicts = _judge_all(cases, answers)
    problems = [f"{v.case.group}, {v.case.name}: {text}" for v in verdicts for text in v.failures]
    problems += [f"no longer true of qiskit-qulacs: {name}" for name in facts if not facts[name]]
    import_error = environment.import_error()
    if import_error is None or "ProviderV1" not in import_error:
        problems.append(f"qiskit-qulacs should miss ProviderV1 on this Qiskit, but: {import_error}")
    text = page(
        verdicts,
        import_error or "",
        [name for name in USED_BY_PEER if _is_missing(name)],
        {name: facts[name] for name in FACTS},
        "1.4",
        SHOTS,
    )
    problems += _check(text) if options.check else _write(text, problems)
    _say(_summary(verdicts))
    for problem in problems:
        _say(f"FAILED: {problem}")
    return 1 if problems else 0


def _judge_all(cases: Sequence[Case], answers: Sequence[Answer]) -> list[Verdict]:
    verdicts = []
    rest = iter(answers)
    for case in cases:
        own = [] if case.ours_only else [next(rest) for _ in case.circuits]
        verdicts.append(judge(case, own))
    return verdicts


def _is_missing(name: str) -> bool:
    """Whether neither a module nor an attribute of a module has this name."""
    parent, _, last = name.rpartition(".")
    if hasattr(importlib.import_module(parent), last):
        return False
    try:
        importlib.import_module(name)
    except ImportError:
        return True
    return False


def _check(text: str) -> list[str]:
    old = PAGE.read_text() if PAGE.exists() else ""
    if old == text:
        return []
    changes = difflib.unified_diff(old.splitlines(), text.splitlines(), "committed", "now", n=0)
    _say("\n".join(line.rstrip() for line in changes))
    return [f"{PAGE.relative_to(ROOT)} is out of date: run python -m tests.peers, and commit it"]


def _write(text: str, problems: Sequence[str]) -> list[str]:
    """Write the page, unless it would claim something about us that is not true."""
    if not problems:
        PAGE.write_text(text)
        _progress(f"wrote {PAGE.relative_to(ROOT)}")
    return []


def _summary(verdicts: Sequence[Verdict]) -> str:
    vectors = [v for v in verdicts if not v.case.counts]
    worst = max(v.deviation or 0.0 for v in vectors)
    right = sum(v.peer is not None and v.peer.outcome == RIGHT for v in vectors)
    asked = [v for v in verdicts if v.case.counts and v.peer is not None]
    counted = sum(v.peer is not None and v.peer.outcome == RIGHT for v in asked)
    return (
        f"QulacsBackend: {sum(not v.failures for v in verdicts)} of {len(verdicts)} cases right; "
        f"largest deviation from the exact state {worst:.1e} (tolerance {TOLERANCE:g})\n"
        f"qiskit-qulacs: the same state in {right} of {len(vectors)} cases, and the same counts in "
        f"{counted} of {len(asked)} cases"
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.peers",
        description="Compare QulacsBackend with qiskit-qulacs 0.1.0; write docs/peers.md.",
    )
    parser.add_argument(
        "--check", action="store_true", help="fail if docs/peers.md would change; write nothing"
    )
    default = Path(os.environ.get("TOX_ENV_DIR", ROOT / ".tox")) / "qiskit-1.4"
    parser.add_argument(
        "--peer-env",
        type=Path,
        default=default,
        metavar="DIRECTORY",
        help="where the environment with Qiskit 1.4 is, or will be made (by default inside tox's)",
    )
    return parser.parse_args(arguments)


def _progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
