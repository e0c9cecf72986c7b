"""The numbers of a calibration as tables of pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .device_info import CouplingFacts, QubitFacts

if TYPE_CHECKING:
    from pandas import DataFrame


def import_pandas() -> Any:
    """Return the module pandas, which is imported when a table is asked for.

    Raises:
        ModuleNotFoundError: If it is not installed; it says how to install it.
    """
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'Tables need pandas; install it with: python -m pip install "qiskit-oqtopus[tables]"',
            name=error.name,
        ) from error
    return pandas


def build_dataframes(
    qubits: Iterable[QubitFacts], couplings: Iterable[CouplingFacts]
) -> tuple[DataFrame, DataFrame]:
    """Return the stated values of qubits and of couplings.

    Returns:
        Two tables, indexed by element: "Q3", and "Q3-Q4" for the coupling from 3 to 4. Times are in
        s, errors and fidelities are probabilities; what is not known is NaN.

    Raises:
        ModuleNotFoundError: If pandas is not installed.
    """
    pandas = import_pandas()

    def build(rows: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, str]) -> DataFrame:
        columns = list(kinds) + [name for row in rows.values() for name in row if name not in kinds]
        table = pandas.DataFrame.from_dict(rows, orient="index", columns=None)
        table = table.reindex(columns=list(dict.fromkeys(columns)))
        table = table.astype({name: kinds.get(name, "float64") for name in table.columns})
        table.index.name = "element"
        return table

    return (
        build({f"Q{q.id}": _describe_qubit(q) for q in qubits}, _QUBIT_COLUMNS),
        build(
            {f"Q{c.control}-Q{c.target}": _describe_coupling(c) for c in couplings},
            _COUPLING_COLUMNS,
        ),
    )


_QUBIT_COLUMNS = {
    "qubit": "int64",
    "physical_id": "Int64",
    **dict.fromkeys(
        [
            *("x", "y", "fidelity", "gate_error", "readout_error"),
            *("prob_meas1_prep0", "prob_meas0_prep1", "t1", "t2"),
        ],
        "float64",
    ),
}
_COUPLING_COLUMNS = {
    "control": "int64",
    "target": "int64",
    "fidelity": "float64",
    "error": "float64",
}


def _describe_qubit(qubit: QubitFacts) -> dict[str, Any]:
    return {
        "qubit": qubit.id,
        "physical_id": qubit.physical_id,
        "x": qubit.x,
        "y": qubit.y,
        "fidelity": qubit.fidelity,
        "gate_error": None if qubit.fidelity is None else 1 - qubit.fidelity,
        "readout_error": qubit.measure_error,
        "prob_meas1_prep0": qubit.prob_meas1_prep0,
        "prob_meas0_prep1": qubit.prob_meas0_prep1,
        "t1": qubit.t1,
        "t2": qubit.t2,
        **_describe_durations(qubit.durations),
    }


def _describe_coupling(coupling: CouplingFacts) -> dict[str, Any]:
    return {
        "control": coupling.control,
        "target": coupling.target,
        "fidelity": coupling.fidelity,
        "error": None if coupling.fidelity is None else 1 - coupling.fidelity,
        **_describe_durations(coupling.durations),
    }


def _describe_durations(durations: Mapping[str, float | None]) -> dict[str, float | None]:
    return {f"duration_{name}": value for name, value in durations.items()}
