"""What Qiskit users get back: outcomes of circuits as ``qiskit.result`` objects."""

from __future__ import annotations

import copy
import math
import pickle
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ParameterExpression, QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.result import MeasLevel, Result
from qiskit.result.models import ExperimentResult, ExperimentResultData

from ..circuits import MEASURED_QUBITS, UNBINDABLE, UnboundError, creg_sizes, result_header
from ..exceptions import OqtopusJobError
from .engines.run import Outcome, Settings
from .state import Cancelled


class SimulatorResult(Result):
    """A Result of Qiskit that says why a circuit has no counts."""

    def get_counts(self, experiment: Any = None) -> Any:
        """Return the counts of a circuit, or of all of them, as Qiskit's ``Result`` does.

        Args:
            experiment: The circuit, its name or its index; None for all.

        Raises:
            OqtopusJobError: If a circuit writes no classical bit.
            QiskitError: If there is no such circuit, or it has failed.
        """
        try:
            return super().get_counts(experiment)
        except QiskitError as error:
            for key in range(len(self.results)) if experiment is None else [experiment]:
                entry = self._get_experiment(key)
                if entry.success and not hasattr(entry.data, "counts"):
                    raise OqtopusJobError(
                        f"Circuit {entry.header['name']!r} has no counts, because it writes no "
                        "classical bit. Add measurements, for example circuit.measure_all(), and "
                        "run it again."
                    ) from error
            raise


def header(circuit: QuantumCircuit, global_phase: float | None = None) -> dict[str, Any]:
    """Return the header of a circuit's result.

    Args:
        circuit: The circuit.
        global_phase: In rad; None for that of the circuit.
    """
    return result_header(
        circuit.name,
        [(register.name, register.size) for register in circuit.qregs],
        creg_sizes(circuit),
        circuit.num_qubits,
        circuit.num_clbits,
        float(circuit.global_phase) if global_phase is None else global_phase,
        circuit.metadata,
    )


def copy_header(header: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a header that shares nothing with it."""
    metadata = header["metadata"]
    pairs = {name: header[name] for name in (MEASURED_QUBITS,) if name in header}
    return {
        **header,
        **{name: [list(pair) for pair in value] for name, value in pairs.items()},
        "creg_sizes": [list(register) for register in header["creg_sizes"]],
        "qreg_sizes": [list(register) for register in header["qreg_sizes"]],
        "metadata": copy.deepcopy(metadata) if metadata else {},
    }


def pack_block(headers: Sequence[dict[str, Any]], outcomes: Sequence[Outcome]) -> bytes | None:
    """Return headers and outcomes of some circuits in a form that takes little memory.

    Returns:
        None if that is of no use, or if metadata cannot be pickled.
    """
    data = []
    for counts, memory, statevector, matrix, values, seconds, error in outcomes:
        if error is not None or values is not None:
            return None
        if statevector is not None or matrix is not None:
            return None
        data.append((counts, memory, seconds))
    try:
        return zlib.compress(pickle.dumps((headers, data), pickle.HIGHEST_PROTOCOL), 1)
    # Metadata are the user's: what is in them may raise anything.
    except Exception:  # noqa: BLE001
        return None


def unpack_block(packed: bytes) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Return new headers and outcomes."""
    headers, data = pickle.loads(zlib.decompress(packed))  # noqa: S301 - the output of pack_block
    return headers, [Outcome(counts, memory, seconds=s) for counts, memory, s in data]


def headers_of_sets(
    circuit: QuantumCircuit, parameters: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Return the header of a circuit's result for each set of values of its parameters.

    Args:
        circuit: The circuit.
        parameters: Shape (sets, parameters), in the order of ``circuit.parameters``.

    Raises:
        UnboundError: If the global phase has no value for a set.
    """
    phase = circuit.global_phase
    varies = isinstance(phase, ParameterExpression)
    common = header(circuit, 0.0 if varies else float(phase))
    headers = [{**common, "metadata": copy.deepcopy(circuit.metadata or {})} for _ in parameters]
    if varies:
        names = list(circuit.parameters)
        for number, (one, row) in enumerate(zip(headers, parameters.tolist(), strict=True)):
            values = dict(zip(names, row, strict=True))
            try:
                bound = float(phase.bind({name: values[name] for name in phase.parameters}))
            except UNBINDABLE as error:
                raise UnboundError(number, error) from error
            one["global_phase"] = bound % math.tau
    return headers


def experiment_result(
    header: dict[str, Any], outcome: Outcome, settings: Settings
) -> ExperimentResult:
    """Return the result of one circuit; of one that failed, the reason as status and no data.

    It takes over the header, and shares the arrays of the outcome, which are read-only from then
    on; all else is new.
    """
    data: dict[str, Any] = {}
    if outcome.counts is not None:
        keys, counts = outcome.counts
        data["counts"] = dict(zip(map(hex, keys), counts, strict=True))
        if outcome.memory is not None:
            values = {key: hex(key) for key in keys}
            data["memory"] = [values[key] for key in outcome.memory]
    for name in ("statevector", "density_matrix", "expectation_values"):
        array = getattr(outcome, name)
        if array is not None:
            array.flags.writeable = False  # all results of a job have the same array
            data[name] = array
    return ExperimentResult(
        shots=settings.shots,
        success=outcome.error is None,
        data=ExperimentResultData(**data),
        meas_level=MeasLevel.CLASSIFIED,
        status="DONE" if outcome.error is None else reason(outcome.error),
        seed=settings.seed,
        header=header,
        time_taken=outcome.seconds,
    )


def reason(error: BaseException) -> str:
    """Return why a circuit has no result.

    >>> reason(ZeroDivisionError("division by zero"))
    'ERROR: ZeroDivisionError: division by zero'
    """
    if isinstance(error, Cancelled):
        return "CANCELLED"
    return f"ERROR: {type(error).__name__}: {error}"
