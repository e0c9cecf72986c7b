"""The circuits that are compared, all from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np
from qiskit.circuit import Gate
from qiskit.circuit.library import get_standard_gate_name_mapping

from .circuits import Spec, pairs

SEED = 20
MAX_QUBITS = 4

# fmt: off
KNOWN_GATES = (
    "id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "rx", "ry", "rz", "u", "u1",
    "u2", "u3", "cx", "cz", "swap", "ccx", "cswap", "ecr", "rxx", "ryy", "rzz",
)
# fmt: on
"""Standard gates that qiskit-qulacs supports: for these it must agree with us."""

MIXING_GATES = ("h", "cx", "ry", "sx", "t", "cz")
"""The gates of the random circuits with measurements."""


@dataclass(frozen=True)
class Case:
    """Circuits that show one thing.

    Attributes:
        group: Heading of the part of the page that it belongs to.
        name: What it shows, in Markdown.
        circuits: The circuits, as plain data.
        known: Whether qiskit-qulacs supports all of it, so that it must agree with us.
        counts: Whether counts are compared, and not state vectors.
        ours_only: Whether the circuits are not given to qiskit-qulacs.
        instead: What qiskit-qulacs may have run in place of the circuits without a warning: a
            description, and the circuits.
    """

    group: str
    name: str
    circuits: list[Spec]
    known: bool = False
    counts: bool = False
    ours_only: bool = False
    instead: tuple[str, list[Spec]] | None = None


def all_cases() -> list[Case]:
    """Return all cases, in the order of the page."""
    rng = np.random.default_rng(SEED)
    return [
        *_standard(rng),
        *_controlled(rng),
        *_others(rng),
        *_random(rng),
        *_measured(),
        *_sampled(rng),
    ]


def standard_gates() -> dict[str, Gate]:
    """Return Qiskit's standard gates by name."""
    gates = get_standard_gate_name_mapping().items()
    return {name: gate for name, gate in gates if isinstance(gate, Gate)}


# -- building blocks ------------------------------------------------------------------------------


def instruction(
    name: str,
    qubits: Sequence[int],
    params: Sequence[float] = (),
    clbits: Sequence[int] = (),
    **more: Any,
) -> Spec:
    """Return an instruction as plain data."""
    return {
        "name": name,
        "qubits": [int(qubit) for qubit in qubits],
        "clbits": list(clbits),
        "params": list(params),
        **more,
    }


def circuit(
    instructions: Sequence[Spec],
    qubits: int | Sequence[tuple[str, int]],
    clbits: int | Sequence[tuple[str, int]] = 0,
    global_phase: float = 0.0,
) -> Spec:
    """Return a circuit as plain data."""
    return {
        "qregs": [("q", qubits)] if isinstance(qubits, int) else list(qubits),
        "cregs": ([("c", clbits)] if clbits else []) if isinstance(clbits, int) else list(clbits),
        "global_phase": global_phase,
        "instructions": list(instructions),
    }


def _angles(rng: np.random.Generator, number: int) -> list[float]:
    return rng.uniform(-pi, pi, number).tolist()


def _entangled(rng: np.random.Generator, width: int) -> list[Spec]:
    """Return gates that prepare a state without any symmetry; both simulators support them."""
    gates = [instruction("u3", [qubit], _angles(rng, 3)) for qubit in range(width)]
    gates += [instruction("cx", [qubit, qubit + 1]) for qubit in range(width - 1)]
    return gates + [instruction("u3", [qubit], _angles(rng, 3)) for qubit in range(width)]


def _alone(rng: np.random.Generator, gate_qubits: int, make: Any) -> list[Spec]:
    """Return circuits of 1 to 4 qubits with one gate, on qubits in any order."""
    circuits = []
    for width in range(max(1, gate_qubits), MAX_QUBITS + 1):
        places = rng.permutation(width)[:gate_qubits]
        circuits.append(circuit([*_entangled(rng, width), make(places)], width))
    return circuits


def _random_gates(
    rng: np.random.Generator, width: int, length: int, names: Sequence[str]
) -> list[Spec]:
    gates = standard_gates()
    fitting = [name for name in names if 1 <= gates[name].num_qubits <= width]
    chosen = [fitting[index] for index in rng.integers(len(fitting), size=length)]
    return [
        instruction(
            name,
            rng.permutation(width)[: gates[name].num_qubits],
            _angles(rng, len(gates[name].params)),
        )
        for name in chosen
    ]


def _unitary(rng: np.random.Generator, width: int) -> np.ndarray:
    size = 1 << width
    return np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))[0]


# -- state vectors --------------------------------------------------------------------------------


def _standard(rng: np.random.Generator) -> list[Case]:
    cases = []
    for name, gate in sorted(standard_gates().items()):

        def make(places: Sequence[int], name: str = name, gate: Gate = gate) -> Spec:
            return instruction(name, places, _angles(rng, len(gate.params)))

        circuits = _alone(rng, gate.num_qubits, make)
        cases.append(Case("Standard gates", f"`{name}`", circuits, known=name in KNOWN_GATES))
    return cases


def _controlled(rng: np.random.Generator) -> list[Case]:
    cases = []
    for name, number, state in [
        ("x", 1, 0),
        ("x", 2, 0),
        ("x", 2, 1),
        ("x", 3, 7),
        ("x", 3, 2),
        ("z", 1, 0),
        ("swap", 1, 0),
        ("h", 1, 0),
        ("rx", 1, 0),
        ("rz", 2, 3),
        ("u", 1, 1),
        ("sx", 2, 2),
    ]:
        gate = standard_gates()[name]

        def make(
            places: Sequence[int],
            name: str = name,
            gate: Gate = gate,
            controls: tuple[int, int] = (number, state),
        ) -> Spec:
            return instruction(name, places, _angles(rng, len(gate.params)), controls=controls)

        title = f"`{name}`, {number} control{'s'[: number > 1]}, `ctrl_state={state}`"
        circuits = _alone(rng, gate.num_qubits + number, make)
        on_ones = [_change(each, controls=(number, 2**number - 1)) for each in circuits]
        instead = ("takes each control on 0 for a control on 1", on_ones)
        cases.append(Case("Controlled gates", title, circuits, instead=instead))
    return cases


def _change(spec: Spec, **values: Any) -> Spec:
    """Return a circuit with other values in its last instruction."""
    *others, last = spec["instructions"]
    return {**spec, "instructions": [*others, {**last, **values}]}


def _others(rng: np.random.Generator) -> list[Case]:
    group = "Other operations"

    def inside(
        width: int,
        *gates: Spec,
        known: bool = False,
        title: str = "",
        instead: tuple[str, str] | None = None,
    ) -> Case:
        spec = circuit([*_entangled(rng, width), *gates], width)
        other = None if instead is None else (instead[0], [_change(spec, name=instead[1])])
        return Case(group, title, [spec], known, instead=other)

    body = _random_gates(rng, 2, 6, ["h", "cx", "rz", "sx"])
    amplitudes = rng.normal(size=4) + 1j * rng.normal(size=4)
    amplitudes /= np.linalg.norm(amplitudes)
    phases = np.exp(1j * rng.uniform(0, 2 * pi, 4))
    two_registers = [("a", 2), ("b", 2)]
    first = instruction("initialize", [2, 0], matrix=pairs(amplitudes))
    return [
        *(
            inside(
                width + 1,
                instruction(
                    "unitary", [width, *range(width - 1)], matrix=pairs(_unitary(rng, width))
                ),
                known=True,
                title=f"`UnitaryGate` on {width} qubit{'s'[: width > 1]}",
            )
            for width in (1, 2, 3)
        ),
        inside(3, instruction("custom", [2, 0], label="block", body=body), title="A custom gate"),
        inside(
            2,
            instruction("custom", [0], label="x", body=[instruction("h", [0])]),
            title="A custom gate named `x` that is a Hadamard",
        ),
        inside(
            2,
            instruction("own_x_class", [0]),
            title="A user's own class `XGate` that is a Hadamard",
            instead=("takes it for the standard gate `x`", "x"),
        ),
        inside(3, instruction("diagonal", [2, 0], matrix=pairs(phases)), title="`Diagonal`"),
        inside(4, instruction("permutation", range(4), [2, 0, 3, 1]), title="`PermutationGate`"),
        inside(3, instruction("pauli", [1, 2, 0], label="XYZ"), title="`PauliGate`"),
        inside(
            3,
            instruction("pauli_evolution", [2, 0, 1], [0.7], label=["XXI", "IYZ", "ZIZ"]),
            title="`PauliEvolutionGate`",
        ),
        Case(
            group,
            "`Initialize` of fresh qubits",
            [circuit([first, *_random_gates(rng, 3, 5, KNOWN_GATES)], 3)],
        ),
        inside(
            3,
            instruction("barrier", range(3)),
            instruction("h", [1]),
            known=True,
            title="A barrier",
        ),
        inside(2, instruction("delay", [0]), instruction("h", [1]), known=True, title="A delay"),
        Case(
            group,
            "A global phase",
            [
                circuit(_entangled(rng, n), n, global_phase=phase)
                for n, phase in [(1, 0.4), (3, -1.1)]
            ],
            known=True,
        ),
        Case(
            group,
            "Several quantum registers",
            [circuit(_random_gates(rng, 4, 20, KNOWN_GATES), two_registers)],
            known=True,
        ),
        Case(
            group,
            "Idle qubits",
            [circuit([instruction("h", [5]), instruction("cx", [5, 2]), instruction("t", [2])], 7)],
            known=True,
        ),
    ]


def _random(rng: np.random.Generator) -> list[Case]:
    """Return random circuits: of the gates that both support, and of all gates."""

    def circuits(names: Sequence[str]) -> list[Spec]:
        return [
            circuit(
                _random_gates(rng, width, 40, names), width, global_phase=float(rng.uniform(0, 6))
            )
            for width in (1, 2, 3, 4, 5)
            for _ in range(6)
        ]

    every = [name for name, gate in sorted(standard_gates().items()) if gate.num_qubits]
    group = "Random circuits"
    return [
        Case(
            group, "30 circuits of the standard gates that it supports", circuits(KNOWN_GATES), True
        ),
        Case(group, "30 circuits of all standard gates", circuits(every)),
    ]


# -- counts ---------------------------------------------------------------------------------------


def _x(qubit: int) -> Spec:
    return instruction("x", [qubit])


def _measure(qubit: int, clbit: int) -> Spec:
    return instruction("measure", [qubit], clbits=[clbit])


def _measured() -> list[Case]:
    """Return circuits with one certain outcome, so that it can be printed."""
    flip_if = instruction("if", [1], clbits=[0], value=1, body=[_x(1)])
    cases = {
        "All qubits, in order": circuit([_x(0), _measure(0, 0), _measure(1, 1)], 2, 2),
        "Bits swapped": circuit([_x(0), _measure(0, 1), _measure(1, 0)], 2, 2),
        "One qubit of three": circuit([_x(0), _x(2), _measure(1, 0)], 3, 1),
        "One bit of three": circuit([_x(1), _measure(1, 2)], 2, 3),
        "Two classical registers": circuit(
            [_x(0), *(_measure(i, i) for i in range(3))], 3, [("a", 1), ("b", 2)]
        ),
        "A gate after the measurement": circuit([_x(0), _measure(0, 0), _x(0)], 1, 1),
        "A reset": circuit([_x(0), instruction("reset", [0]), _measure(0, 0)], 1, 1),
        "`if_test`": circuit([_x(0), _measure(0, 0), flip_if, _measure(1, 1)], 2, 2),
        "16 qubits, two of them active": circuit(
            [_x(9), instruction("cx", [9, 10]), _measure(9, 0), _measure(10, 1)], 16, 2
        ),
    }
    return [Case("Counts", name, [spec], counts=True) for name, spec in cases.items()]


def _sampled(rng: np.random.Generator) -> list[Case]:
    """Return random circuits with measurements anywhere."""
    circuits = []
    for width in (2, 3, 4):
        for _ in range(4):
            order = [int(qubit) for qubit in rng.permutation(width)]
            gamble = instruction("h", [order[1]])
            parts = [
                *_random_gates(rng, width, 12, MIXING_GATES),
                _measure(order[0], 0),
                instruction("reset", [order[1]]),
                instruction("if", [order[1]], clbits=[0], value=1, body=[gamble]),
                *_random_gates(rng, width, 8, MIXING_GATES),
                *(_measure(qubit, 1 + place) for place, qubit in enumerate(order[:2])),
            ]
            circuits.append(circuit(parts, width, [("a", 2), ("b", 2)]))
    return [Case("Counts", "Measurements anywhere", circuits, counts=True, ours_only=True)]
