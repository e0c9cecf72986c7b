"""What Qiskit users get back: outcomes of circuits as ``qiskit.result`` objects."""

from __future__ import annotations

import copy
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.result import MeasLevel
from qiskit.result.models import ExperimentResult, ExperimentResultData

from .execute import Outcome, Settings
from .state import Cancelled


def header(circuit: QuantumCircuit) -> dict[str, Any]:
    """Return the header of a circuit's result, with the keys that Aer's has."""
    return {
        "name": circuit.name,
        "creg_sizes": creg_sizes(circuit),
        "memory_slots": circuit.num_clbits,
        "n_qubits": circuit.num_qubits,
        "qreg_sizes": [[register.name, register.size] for register in circuit.qregs],
        "global_phase": float(circuit.global_phase),
        "metadata": copy.deepcopy(circuit.metadata) if circuit.metadata else {},
    }


def creg_sizes(circuit: QuantumCircuit) -> list[list[Any]]:
    """Return [name, size] for each register, as Qiskit uses them to put spaces into bit strings.

    Where the registers do not cover all bits, Qiskit would cut the string and merge different
    outcomes. There, each run of bits outside of registers is listed too, with an empty name.
    """
    sizes: list[list[Any]] = [[register.name, register.size] for register in circuit.cregs]
    if not sizes or sum(size for _, size in sizes) >= circuit.num_clbits:
        return sizes
    sizes = []
    previous = None
    for bit in circuit.clbits:
        registers = circuit.find_bit(bit).registers
        owner = registers[0][0] if registers else None
        if not sizes or owner != previous:
            sizes.append(["" if owner is None else owner.name, 0])
        sizes[-1][1] += 1
        previous = owner
    return sizes


def experiment_result(
    header: dict[str, Any], outcome: Outcome, settings: Settings
) -> ExperimentResult:
    """Return the result of one circuit; one that failed has no data, and the reason as status."""
    data: dict[str, Any] = {}
    if outcome.counts is not None:
        data["counts"] = {hex(key): count for key, count in outcome.counts.items()}
    if outcome.memory is not None:
        values = {key: hex(key) for key in outcome.counts or ()}
        data["memory"] = [values[key] for key in outcome.memory]
    if outcome.statevector is not None:
        data["statevector"] = outcome.statevector
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
