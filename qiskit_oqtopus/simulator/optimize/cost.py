"""What operations, stages and engines cost: every number from which a decision is taken.

Measured with the wheels of Qulacs 0.6.14 (no vector instructions, so that complex products are what
costs), one thread, 2**16 to 2**20 amplitudes. Only the ratios matter.
"""

from __future__ import annotations

from ..operations import Operation
from ..plan import Plan
from .one_qubit import TINY, Small

# -- operations, as Qulacs applies them -----------------------------------------------------------

OPERATION_NS = 1000.0
"""Time to add one operation to a circuit and to call its kernel, in ns."""

TABLE_NS = 20000.0
"""Time to compute the entries of a large diagonal, in ns."""

DENSE: tuple[float, ...] = (0.0, 1.75, 3.45, 9.7, 19.0, 39.0, 80.0)
"""Dense matrix by number of qubits, in ns per amplitude."""

_FIXED = {
    **dict.fromkeys(["s", "sdg", "t", "tdg"], 0.55),
    **dict.fromkeys(["sx", "sxdg", "rx", "ry", "u"], DENSE[1]),
    "x": 0.28,
    "y": 1.0,
    "z": 0.2,
    "h": 0.48,
    "rz": 0.95,
    "cx": 0.25,
    "cz": 0.18,
    "swap": 0.2,
    "phase": 0.92,
}

_CONTROL = 0.53
"""What each control multiplies the cost of a matrix by."""

_OPAQUE = 100.0

# -- operations, before it is known what they are merged into -------------------------------------

GATHERED: tuple[float, ...] = (0.0, 0.15, 0.3)
"""Diagonal on one or two qubits that is applied together with others, in ns per amplitude."""

_ANTIDIAGONAL, _LIKE_HADAMARD = 0.4, 0.7

_GENERAL = 1.5
"""Between what a general 2x2 matrix costs dense and with its diagonals gathered."""

# -- stages ---------------------------------------------------------------------------------------

WORTHWHILE = 8.0
"""A circuit that takes less, in ns per amplitude, is over before it is planned."""

JOIN = 2.0
"""Product of two states, in ns per amplitude of the result."""

STAGE_NS = 20000.0
"""One more state and circuit, in ns."""

# -- one circuit for many sets of parameters ------------------------------------------------------

TEMPLATE_SETS = 8
"""From this many sets on, a template takes less time than compiling the circuit for each of them;
measured on 2 to 12 qubits."""

# -- independent parts ----------------------------------------------------------------------------

PART_NS = 25000.0
"""One more part of a circuit: its engine, and joining its outcomes to the others, in ns."""

NOISY_PART_NS = 200000.0
"""The same with noise."""

PASSES_NS = 15.0
"""Joining all states into one, and sampling from it, in ns per amplitude."""

BRANCHING = 8
"""Each measurement inside a circuit may double its branches; more than 2**8 are not counted on."""

DENSITY_QUBITS = 10
"""About up to here density matrices take less time than trajectories."""

COEFFICIENT_NS = 2.0
"""A gate with its noise on a density matrix, in ns for each of its 4**n coefficients."""

# -- stabilizers ----------------------------------------------------------------------------------

STABILIZER_QUBITS = 13
"""A circuit of fewer qubits that measures in the end only is faster as a state vector."""

SURELY = 2.0
"""Estimates of two engines that differ by less than this factor may be the other way round."""

STABILIZER_NS: dict[str, float] = {
    "plan": 500000.0,
    "operations": 3000.0,
    "records": 3000.0,
    "drawn": 6.0,
    "shots": 150.0,
}
"""What the stabilizer engine takes, in ns: for a plan, for each of its operations, for each of its
measurements, for each of them in a shot, and for each shot."""

STATE_NS: dict[str, float] = {"plan": 300000.0, "operations": 10000.0, "steps": 100000.0}
"""What state vectors of so many qubits take beside their amplitudes, in ns: for a plan, for each
operation, which is looked at to merge it with others, and for each step of one that branches."""

# -- engines for noise ----------------------------------------------------------------------------

DENSITY_NS: dict[str, tuple[float, float]] = {
    "operations": (2400.0, 0.0),
    "steps": (130000.0, 0.0),
    "pairs": (300.0, 4.0),
    "wide": (0.0, 200.0),
    "reads": (0.0, 13.0),
    "ends": (0.0, 2.7),
}
"""What density matrices do, in ns and in ns for each of the 4**n coefficients.

``operations`` and ``steps`` of the plan; and in each branch ``pairs``, gates on two qubits with
what comes before them on one; ``wide`` gates, which have no transfer matrix; ``reads`` of a qubit;
and ``ends``, which are sampled. Calibrated by ``python -m tests.benchmarks.calibrate``.
"""

CACHED_QUBITS, UNCACHED = 9, 0.35
"""Above so many qubits, gates take this part longer per coefficient for each further qubit."""

TRAJECTORY_NS: dict[str, tuple[float, float]] = {
    "operations": (70000.0, 0.0),
    "steps": (500000.0, 0.0),
    "blocks": (2900.0, 5.0),
    "reads": (1000.0, 20.0),
    "singles": (1200.0, 2.5),
    "ends": (13000.0, 1.0),
}
"""What trajectories do, in ns and in ns for each of the 2**n amplitudes.

``operations`` and ``steps`` of the plan; and in each branch ``blocks`` of gates; ``reads`` of a
qubit; ``singles``, gates that are applied one by one before and after an event; and ``ends``, which
are sampled. Calibrated in the same way.
"""


def diagonal_cost(num_qubits: int) -> float:
    """Return the cost of a diagonal on so many qubits in ns per amplitude."""
    if num_qubits < 3:
        return 0.95 if num_qubits < 2 else 1.6
    # The table outgrows the first-level cache.
    return 1.5 if num_qubits < 11 else 1.7 if num_qubits == 11 else 3.0


def cost(operation: Operation) -> float:
    """Return the cost of an operation in ns per amplitude.

    >>> cost(("h", 3)) < cost(("ry", 3, 0.1))
    True
    """
    name = operation[0]
    fixed = _FIXED.get(name)
    if fixed is not None:
        return fixed
    if name == "diagonal":
        return diagonal_cost(len(operation[1]))
    if name == "pauli_rotation":
        return 2.45 if set(operation[2]) == {3} else 2.9
    if name == "matrix":
        width = len(operation[1])
        dense = DENSE[width] if width < len(DENSE) else DENSE[-1] * (1 << (width - 6))
        return dense * _CONTROL ** len(operation[3])
    return _OPAQUE


def small_cost(small: Small) -> float:
    """Return about what a 2x2 matrix costs among other operations, in ns per amplitude."""
    if small[1] == 0 == small[2]:
        return GATHERED[1]
    if small[0] == 0 == small[3]:
        return _ANTIDIAGONAL
    return _LIKE_HADAMARD if abs(abs(small[0]) - 0.5**0.5) < TINY else _GENERAL


def stabilizer_cost(plan: Plan, shots: int) -> float:
    """Return about what the stabilizer engine takes for a plan, in ns, if it is Clifford."""
    operations, records = 0, len(plan.terminal)
    for step in plan.steps:
        operations += len(step[1]) if step[0] == "unitary" else 1
        records += step[0] == "measure"
    each = STABILIZER_NS
    return (
        each["plan"]
        + each["operations"] * operations
        + each["records"] * records
        + (each["drawn"] * records + each["shots"]) * shots
    )


def state_cost(plan: Plan) -> float:
    """Return about what state vectors take for a plan without noise, in ns; it walks the gates."""
    n = len(plan.qubits)
    if len(plan.steps) > 1:
        return whole_cost(plan, noisy=False) + STATE_NS["steps"] * len(plan.steps)
    operations = plan.steps[0][1] if plan.is_static and plan.steps else ()
    each = PASSES_NS + sum(map(cost, operations))
    return STATE_NS["plan"] + STATE_NS["operations"] * len(operations) + each * 2.0**n


def whole_cost(plan: Plan, noisy: bool) -> float:
    """Return about what the engines take for a plan as a whole, in ns, however it falls apart.

    It is asked for every circuit of some width, so it counts and does not walk as ``estimate``
    does, which takes a tenth of the time of a circuit of many gates on one qubit.
    """
    n = len(plan.qubits)
    gates, branches = 0, 0
    for step in plan.steps:
        if step[0] == "unitary":
            gates += len(step[1])
        elif step[0] in ("measure", "reset"):
            branches += 1
    times = 2.0 ** min(branches, BRANCHING)
    if noisy:
        small = min(n, DENSITY_QUBITS)
        # Gates on one qubit wait for others, and noise comes after nearly every gate.
        return COEFFICIENT_NS * 4.0**small * 2.0 ** (n - small) * max(n, gates / 6) * times
    return (PASSES_NS + (gates * times if branches else 0.0)) * 2.0**n
