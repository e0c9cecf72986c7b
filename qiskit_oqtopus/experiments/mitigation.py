"""Readout mitigation of counts that are there already, on qiskit-experiments' mitigator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from qiskit.providers import BackendV2
from qiskit.result import QuasiDistribution, Result
from qiskit.transpiler import Target
from qiskit_experiments.data_processing import LocalReadoutMitigator
from qiskit_experiments.framework import ExperimentData

from ..circuits import MEASURED_QUBITS
from ..device.snapshot import DeviceSnapshot
from ..exceptions import OqtopusOptionError
from .table import MITIGATOR, READOUT_ERRORS

MAX_BITS = 14
"""Bits of one circuit: the mitigator makes an entry for each of their 2^n values."""

Readout = Callable[[int], tuple[float, float] | None]
"""Qubit -> (probability of reading 1 for a 0, of reading 0 for a 1), or None if not known."""


def mitigate(
    result: Result,
    readout: Any,
    *,
    experiment: Any = None,
    qubits: Sequence[int] | None = None,
) -> QuasiDistribution | list[QuasiDistribution]:
    """Correct counts by the readout errors of their qubits, each qubit by itself.

    The counts are multiplied by the inverse of the assignment matrix of each qubit, see
    ``LocalReadoutMitigator`` of qiskit-experiments. What comes out are **quasi-probabilities**:
    they add up to 1, but single ones may be negative or above 1, because the counts of finitely
    many shots are not those of any state. Their statistical errors are larger than those of the
    counts.

    It works for results of devices and of twins, also of jobs of the past, whose headers say which
    bit was measured on which qubit. Counts that the server has mitigated must not be mitigated
    again.

    Args:
        result: The result of ``backend.run``.
        readout: The readout errors: the data of a ``LocalReadoutError`` experiment, its mitigator,
            the table or the data of a :class:`~qiskit_oqtopus.experiments.Characterization`, a
            :class:`~qiskit_oqtopus.DeviceSnapshot`, a backend, or a Target.
        experiment: The circuit, its name or its index, as for ``result.get_counts``; None for all.
        qubits: The qubit of the device on which each measured bit was read, the lowest bit first;
            for results whose headers do not say it: of circuits that the server has compiled, or of
            another provider.

    Returns:
        For each circuit, outcome -> quasi-probability, a list if there are several circuits.
        Bit j of an outcome, read as a number, is classical bit j of the circuit; bits that are not
        measured are 0. ``binary_probabilities()`` names outcomes as bit strings.
        ``stddev_upper_bound`` bounds the standard deviation of each.

    Raises:
        OqtopusOptionError: If it is not known where a bit was measured, how well that qubit is
            read, or if reading it says nothing of it; if more than 14 bits are measured; or if an
            argument is something else.
        QiskitError: If there is no such circuit, or it has no counts.
    """
    if not isinstance(result, Result):
        raise OqtopusOptionError(
            f"Option 'result' must be the Result of backend.run, not {type(result).__name__}: only "
            "there it says which bit was measured on which qubit."
        )
    known = _find_readout(readout)
    keys = range(len(result.results)) if experiment is None else [experiment]
    mitigated = [_mitigate_one(result, key, known, qubits) for key in keys]
    return mitigated[0] if len(mitigated) == 1 else mitigated


def _mitigate_one(
    result: Result, key: Any, readout: Readout, qubits: Sequence[int] | None
) -> QuasiDistribution:
    result.get_counts(key)  # raises if there are none
    counts = result.data(key)["counts"]
    entry = result._get_experiment(key)
    header = entry.header or {}
    where = f"circuit {header.get('name', key)!r}"
    pairs = _find_pairs(header, where, qubits)
    if not pairs:
        raise OqtopusOptionError(f"No bit of {where} is measured; there is nothing to mitigate.")
    if len(pairs) > MAX_BITS:
        raise OqtopusOptionError(
            f"{where.capitalize()} measures {len(pairs)} bits, and at most {MAX_BITS} can be "
            "mitigated: there are 2^n quasi-probabilities. Marginalize the counts first."
        )
    matrices = [_find_matrix(readout, qubit, where) for _, qubit in pairs]
    places = [clbit for clbit, _ in pairs]
    marginal: dict[str, float] = {}
    for text, number in counts.items():
        value = int(text, 16)
        bits = "".join("01"[value >> clbit & 1] for clbit in reversed(places))
        marginal[bits] = marginal.get(bits, 0) + number
    shots = sum(marginal.values())
    found = LocalReadoutMitigator(matrices).quasi_probabilities(marginal, shots=shots)
    spread = {
        sum(1 << clbit for j, clbit in enumerate(places) if outcome >> j & 1): float(value)
        for outcome, value in found.items()
    }
    bound = found.stddev_upper_bound
    return QuasiDistribution(
        spread, shots=shots, stddev_upper_bound=None if bound is None else float(bound)
    )


def _find_pairs(header: Any, where: str, qubits: Sequence[int] | None) -> list[tuple[int, int]]:
    """Return (classical bit, qubit) of each measured bit, ascending."""
    pairs = header.get(MEASURED_QUBITS)
    if qubits is None:
        if pairs is None:
            raise OqtopusOptionError(
                f"The result of {where} does not say on which qubit of the device each bit was "
                "measured. Give qubits=[...], the lowest bit first."
            )
        return [(int(clbit), int(qubit)) for clbit, qubit in pairs]
    clbits = range(len(qubits)) if pairs is None else [clbit for clbit, _ in pairs]
    if len(clbits) != len(qubits):
        raise OqtopusOptionError(
            f"Option 'qubits' has {len(qubits)} qubits, and {where} measures {len(clbits)} bits."
        )
    return [(int(clbit), int(qubit)) for clbit, qubit in zip(clbits, qubits, strict=True)]


def _find_matrix(readout: Readout, qubit: int, where: str) -> np.ndarray:
    """Return the assignment matrix of a qubit: probability of what is read, for what is prepared.

    Returns:
        Shape (2, 2), its columns add up to 1.
    """
    errors = readout(qubit)
    if errors is None or not all(0 <= error <= 1 for error in errors):
        raise OqtopusOptionError(
            f"It is not known how well qubit {qubit}, which {where} measures, is read."
        )
    wrong_zero, wrong_one = errors
    if wrong_zero + wrong_one >= 1:
        raise OqtopusOptionError(
            f"Reading qubit {qubit}, which {where} measures, says nothing of it: a 0 is read as 1 "
            f"with probability {wrong_zero:.3g}, and a 1 as 0 with {wrong_one:.3g}."
        )
    return np.array([[1 - wrong_zero, wrong_one], [wrong_zero, 1 - wrong_one]])


# -- readout errors of various sources -------------------------------------------------------------


def _find_readout(given: Any) -> Readout:
    if isinstance(given, BackendV2) and hasattr(given, "snapshot"):
        given = given.snapshot()
    if isinstance(given, DeviceSnapshot):
        return _read_snapshot(given)
    if isinstance(given, BackendV2):
        given = given.target
    if isinstance(given, Target):
        return _read_target(given)
    if isinstance(given, LocalReadoutMitigator):
        return _read_mitigators([given])
    if isinstance(given, ExperimentData):
        return _read_data(given)
    if hasattr(given, "columns") and {"element", "quantity", "value"} <= set(given.columns):
        return _read_table(given)
    raise OqtopusOptionError(
        "Option 'readout' must be the data of a LocalReadoutError experiment, its mitigator, the "
        "table or the data of a Characterization, a DeviceSnapshot, a backend or a Target, not "
        f"{type(given).__name__}."
    )


def _read_snapshot(snapshot: DeviceSnapshot) -> Readout:
    known = {qubit.id: qubit for qubit in snapshot.qubits}

    def read(qubit: int) -> tuple[float, float] | None:
        facts = known.get(qubit)
        if facts is None:
            return None
        if facts.prob_meas1_prep0 is not None and facts.prob_meas0_prep1 is not None:
            return facts.prob_meas1_prep0, facts.prob_meas0_prep1
        error = facts.measure_error
        return None if error is None else (error, error)

    return read


def _read_target(target: Target) -> Readout:
    def read(qubit: int) -> tuple[float, float] | None:
        if "measure" not in target.operation_names:
            return None
        properties = (target["measure"] or {}).get((qubit,))
        error = getattr(properties, "error", None)
        return None if error is None else (error, error)

    return read


def _read_data(data: ExperimentData) -> Readout:
    data.block_for_results()
    results = data.analysis_results(dataframe=True)
    values = results[results["name"] == MITIGATOR]["value"] if len(results) else []
    mitigators = [value for value in values if isinstance(value, LocalReadoutMitigator)]
    if not mitigators:
        raise OqtopusOptionError(
            f"Option 'readout' is data of {data.experiment_type} without a {MITIGATOR!r}: run "
            "LocalReadoutError, and wait for its analysis."
        )
    return _read_mitigators(mitigators)


def _read_mitigators(mitigators: Sequence[LocalReadoutMitigator]) -> Readout:
    matrices = {
        qubit: mitigator.assignment_matrix([qubit])
        for mitigator in mitigators
        for qubit in mitigator.qubits
    }

    def read(qubit: int) -> tuple[float, float] | None:
        matrix = matrices.get(qubit)
        return None if matrix is None else (float(matrix[1, 0]), float(matrix[0, 1]))

    return read


def _read_table(table: Any) -> Readout:
    rows = {
        (element, quantity): float(value)
        for element, quantity, value in zip(
            table["element"], table["quantity"], table["value"], strict=True
        )
    }

    def read(qubit: int) -> tuple[float, float] | None:
        found = [rows.get((f"Q{qubit}", name)) for name in READOUT_ERRORS]
        return None if None in found else (found[0], found[1])  # type: ignore[return-value]

    return read
