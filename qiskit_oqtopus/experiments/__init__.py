"""Experiments for qiskit-experiments; they need ``pip install "qiskit-oqtopus[experiments]"``."""

try:
    from .characterization import Characterization
    from .chsh import CHSH
    from .comparison import compare, wide_table
    from .curve import data_table
    from .execution import run
    from .ghz import ParityOscillation
    from .history import load_history
    from .mitigation import mitigate
    from .rabi import Rabi, pi_amplitude
    from .retrieval import load
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] != "qiskit_experiments":
        raise
    raise ModuleNotFoundError(
        "qiskit_oqtopus.experiments needs qiskit-experiments; install it with: "
        'python -m pip install "qiskit-oqtopus[experiments]"',
        name=error.name,
    ) from error

__all__ = [
    "CHSH",
    "Characterization",
    "ParityOscillation",
    "Rabi",
    "compare",
    "data_table",
    "load",
    "load_history",
    "mitigate",
    "pi_amplitude",
    "run",
    "wide_table",
]
