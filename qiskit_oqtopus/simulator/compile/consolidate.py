"""Shorten long circuits by Qiskit's own passes, which are compiled code.

A gate that Python reads and hands to Qulacs costs more than a gate that Qiskit multiplies into its
neighbours. Randomized benchmarking gains most, and other circuits that were compiled for a device.
What is left is compiled like any other circuit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from qiskit.circuit import CircuitInstruction, Gate, QuantumCircuit, Qubit
from qiskit.circuit.library import UGate, get_standard_gate_name_mapping
from qiskit.converters import circuit_to_dag
from qiskit.dagcircuit import DAGCircuit, DAGOpNode
from qiskit.transpiler.passes import ConsolidateBlocks, Optimize1qGatesDecomposition

MIN_INSTRUCTIONS = 60
"""A circuit of fewer instructions is compiled sooner than it is shortened."""

_STANDARD = get_standard_gate_name_mapping()
_NUM_QUBITS = {name: gate.num_qubits for name, gate in _STANDARD.items() if isinstance(gate, Gate)}
_KNOWN = _STANDARD.keys() | {"barrier"}

MAX_QUBITS = 14
"""Circuits with more active qubits are fused later, according to what their gates cost."""

_SAVED = 3.5
"""At least this many gates must go for each matrix on two qubits: it costs as much as they do."""

_HOPEFUL, _LONG = 2.5, 300
"""With at least 2.5 gates on one qubit for each on two, merging a circuit of at least 300
instructions may pay: how many of the latter go into one matrix is not known before the blocks are
collected, which is worth its time in long circuits only."""

_GUARD = UGate(1.0, 0.7, 0.4)
_INVERSE = _GUARD.inverse()

_MERGE_ONE = Optimize1qGatesDecomposition(["u"])
_MERGE_TWO = ConsolidateBlocks(force_consolidate=True)


class _Instruction:
    """A node of a DAG as an instruction of a circuit; its operation is made when asked for."""

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
    """Merge the gates of a circuit where that pays.

    It does if no gate is on two qubits, if two qubits are active, or if there are long runs of
    gates on one qubit between the others, as in circuits that were compiled for a device.
    Measurements must be terminal.

    Args:
        circuit: The circuit; without free parameters.

    Returns:
        Instructions of the same effect, to 1e-12, and the global phase in rad that goes with
        them; None where there is nothing to gain.
    """
    counts = circuit.count_ops()
    if not counts.keys() <= _KNOWN:
        return None
    wide = sum([number for name, number in counts.items() if _NUM_QUBITS.get(name, 0) > 1])
    single = sum([number for name, number in counts.items() if _NUM_QUBITS.get(name) == 1])
    entangled = wide > 0
    has_runs = single >= (_SAVED if len(circuit.data) < _LONG else _HOPEFUL) * wide
    if entangled and not has_runs and _has_many_qubits(circuit):
        return None
    dag = circuit_to_dag(circuit, copy_operations=False)
    if entangled:
        idle = set(dag.idle_wires(ignore=["barrier", "measure"]))
        active = [qubit for qubit in dag.qubits if qubit not in idle]
        if not 2 <= len(active) <= (MAX_QUBITS if has_runs else 2):
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
        if len(active) > 2:
            return _merge_blocks(dag, single + wide)
        return _merge_two_qubits(dag, active[0])
    dag = _MERGE_ONE.run(dag)
    return [_Instruction(node) for node in dag.topological_op_nodes()], float(dag.global_phase)


def _has_many_qubits(circuit: QuantumCircuit) -> bool:
    """Whether the first gates alone act on more than two qubits.

    Nearly all wide circuits show it at once, and need no DAG to be turned away.
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

    Qiskit drops a block that differs from the identity by less than 1e-6, and we must not. So a
    guard goes before the block, and its inverse before what comes out. If Qiskit drops the product
    nevertheless, there is no matrix, which is noticed.
    """
    dag.apply_operation_front(_GUARD, [guarded], [])
    _MERGE_TWO.run(dag)
    nodes = list(dag.topological_op_nodes())
    names = [node.name for node in nodes]
    if names.count("unitary") != 1 or any(name not in ("unitary", "measure") for name in names):
        return None
    instructions = [CircuitInstruction(_INVERSE, [guarded]), *map(_Instruction, nodes)]
    return instructions, float(dag.global_phase)


def _merge_blocks(dag: DAGCircuit, gates: int) -> tuple[Sequence[Any], float] | None:
    """Merge the gates between two qubits, and those before and after them, into matrices.

    As many matrices as there are blocks must come out. Fewer mean that Qiskit has dropped one, see
    :func:`_merge_two_qubits`.
    """
    blocks = len(dag.collect_2q_runs())
    if gates - blocks < _SAVED * blocks:
        return None
    _MERGE_TWO.run(dag)
    instructions = [_Instruction(node) for node in dag.topological_op_nodes()]
    if sum([instruction.name == "unitary" for instruction in instructions]) != blocks:
        return None
    return instructions, float(dag.global_phase)
