"""Shorten long circuits by Qiskit's own passes, which are compiled code.

A gate that Python reads and hands to Qulacs costs more than a gate that Qiskit multiplies into its
neighbours: RB takes 0.16 of the time of the plain way, with one qubit and with
two. What is left is compiled as any other circuit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from qiskit.circuit import CircuitInstruction, QuantumCircuit, Qubit
from qiskit.circuit.library import UGate, get_standard_gate_name_mapping
from qiskit.converters import circuit_to_dag
from qiskit.dagcircuit import DAGCircuit, DAGOpNode
from qiskit.transpiler.passes import ConsolidateBlocks, Optimize1qGatesDecomposition

MIN_INSTRUCTIONS = 60
"""A circuit of fewer instructions is compiled sooner than it is shortened."""

_NUM_QUBITS = {name: gate.num_qubits for name, gate in get_standard_gate_name_mapping().items()}
_KNOWN = _NUM_QUBITS.keys() | {"barrier"}

_GUARD = UGate(1.0, 0.7, 0.4)
_INVERSE = _GUARD.inverse()

_MERGE_ONE = Optimize1qGatesDecomposition(["u"])
_MERGE_TWO = ConsolidateBlocks(force_consolidate=True)


class _Instruction:
    """A node of a DAG as an instruction of a circuit, without making its operation first."""

    __slots__ = ("_node", "clbits", "name", "params", "qubits")

    def __init__(self, node: DAGOpNode) -> None:
        self._node = node
        self.name = node.name
        self.params = node.params
        self.qubits = node.qargs
        self.clbits = node.cargs

    def is_standard_gate(self) -> bool:
        return bool(self._node.is_standard_gate())

    @property
    def matrix(self) -> Any:
        return self._node.matrix

    @property
    def operation(self) -> Any:
        return self._node.op


def consolidate(circuit: QuantumCircuit) -> tuple[Sequence[Any], float] | None:
    """Merge the gates of a circuit that has no gate on two qubits, or just two active qubits.

    Measurements must be terminal. Other circuits would become more dense matrices than it pays.

    Args:
        circuit: The circuit; without free parameters.

    Returns:
        Instructions of the same effect, to 1e-12, and the global phase in rad that goes with
        them; None where there is nothing to gain.
    """
    counts = circuit.count_ops()
    if not counts.keys() <= _KNOWN:
        return None
    entangled = any(_NUM_QUBITS.get(name, 0) > 1 for name in counts)
    if entangled and _has_many_qubits(circuit):
        return None
    dag = circuit_to_dag(circuit, copy_operations=False)
    if entangled:
        idle = set(dag.idle_wires())
        active = [qubit for qubit in dag.qubits if qubit not in idle]
        if len(active) != 2:
            return None
    if "barrier" in counts:
        # By name: an operation of the user's own may bear it.
        if not all(node.is_directive() for node in dag.named_nodes("barrier")):
            return None
        dag.remove_all_ops_named("barrier")
    if "measure" in counts:
        for node in dag.named_nodes("measure"):
            if next(iter(dag.op_successors(node)), None) is not None:
                return None
    if entangled:
        return _merge_two_qubits(dag, active[0])
    dag = _MERGE_ONE.run(dag)
    return [_Instruction(node) for node in dag.topological_op_nodes()], float(dag.global_phase)


def _has_many_qubits(circuit: QuantumCircuit) -> bool:
    """Whether the first gates alone act on more than two qubits.

    Nearly all wide circuits show it at once, and need no DAG to be turned away (QFT-10: 8 %).
    """
    seen: set[Qubit] = set()
    for instruction in islice(circuit.data, _FIRST):
        if instruction.name != "barrier":
            seen.update(instruction.qubits)
            if len(seen) > 2:
                return True
    return False


_FIRST = 12


def _merge_two_qubits(dag: DAGCircuit, guarded: Qubit) -> tuple[Sequence[Any], float] | None:
    """Merge all gates into one matrix.

    Qiskit drops a block that differs from the identity by less than 1e-6, and we do not. So a
    guard goes before the block, whose inverse is applied before what comes out: a product that is
    dropped nevertheless leaves no matrix behind, which is seen.
    """
    dag.apply_operation_front(_GUARD, [guarded], [])
    _MERGE_TWO.run(dag)
    nodes = list(dag.topological_op_nodes())
    names = [node.name for node in nodes]
    if names.count("unitary") != 1 or any(name not in ("unitary", "measure") for name in names):
        return None
    instructions = [CircuitInstruction(_INVERSE, [guarded]), *map(_Instruction, nodes)]
    return instructions, float(dag.global_phase)
