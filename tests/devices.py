"""Devices as OQTOPUS describes them: an entry of the device list and its device_info."""

import copy

_ANEMONE_QUBITS = [
    # physical id, x, y
    (0, 0, 0.666666666666667),
    (2, 0, 0),
    (3, 0.6666666666666665, 0),
]
_ANEMONE_NUMBERS = [
    # fidelity, P(1|0), P(0|1), assignment error
    (0.9994051214420587, 0.2174072265625, 0.242431640625, 0.2247314453125),
    (0.9995370146509399, 0.296875, 0.2864990234375, 0.2908935546875),
    (0.9996114330540922, 0.166015625, 0.2252197265625, 0.2021484375),
]
_ANEMONE_LIFETIMES = [
    # t1 (us), t2 (us)
    (26.45895242063294, 35.88675637783199),
    (40.57616114919819, 27.79555721607516),
    (16.684034546269388, 19.34686595199833),
]

_GRID_PAIRS = [
    *((0, 2), (0, 1), (1, 3), (1, 4), (2, 3), (3, 6), (4, 6), (4, 5), (5, 7), (5, 8), (6, 7)),
    *((7, 10), (8, 10), (8, 9), (9, 11), (9, 12), (10, 11), (11, 14), (12, 14), (12, 13)),
    *((13, 15), (14, 15)),
]


def _qubit(id_, physical_id, x, y, fidelity, p10, p01, assignment, t1, t2, durations):
    return {
        "id": id_,
        "physical_id": physical_id,
        "position": {"x": x, "y": y},
        "fidelity": fidelity,
        "meas_error": {
            "prob_meas1_prep0": p10,
            "prob_meas0_prep1": p01,
            "readout_assignment_error": assignment,
        },
        "qubit_lifetime": {"t1": t1, "t2": t2},
        "gate_duration": dict(durations),
    }


def anemone_facts():
    """The 3-qubit superconducting device, as recorded: ids differ from physical ids."""
    durations = {"rz": 0, "sx": 16, "x": 24}
    return {
        "name": "anemone",
        "device_id": "anemone",
        "qubits": [
            _qubit(i, *_ANEMONE_QUBITS[i], *_ANEMONE_NUMBERS[i], *_ANEMONE_LIFETIMES[i], durations)
            for i in range(3)
        ],
        "couplings": [
            {
                "control": 0,
                "target": 1,
                "fidelity": 0.9617900609715081,
                "gate_duration": {"rzx90": 272},
            },
            {
                "control": 2,
                "target": 1,
                "fidelity": 0.985511964171477,
                "gate_duration": {"rzx90": 160},
            },
        ],
        "calibrated_at": "2025-04-20T10:03:16.755183Z",
    }


def grid_facts():
    """The 16 qubits of the server's simulator, as recorded: blocks of four, 22 couplings."""
    durations = {"rz": 20, "sx": 20, "x": 20}
    qubits = []
    for i in range(16):
        x, y = 2 * (i // 4) + i % 2, -(i % 4 // 2)
        numbers = (0.999, 0.001, 0.001, 0.001, 100.0, 100.0)
        qubits.append(_qubit(i, i, x, y, *numbers, durations))
    return {
        "name": "qulacs",
        "device_id": "qiqb",
        "qubits": qubits,
        "couplings": [
            {
                "control": control,
                "target": target,
                "fidelity": 0.99,
                "gate_duration": {"cx": 40, "rzx90": 40},
            }
            for control, target in _GRID_PAIRS
        ],
        "calibrated_at": "2025-03-18T17:11:47.798353Z",
    }


def chip_facts(rows, columns):
    """A grid of qubits of which no two have the same numbers."""

    def number(low, high, seed):
        return round(low + (high - low) * (seed * 0.618034 % 1), 6)

    durations = {"rz": 0, "sx": 16, "x": 24}
    size = rows * columns
    qubits = []
    for i in range(size):
        t1 = number(20, 60, i + 1)
        errors = [number(0.005, 0.03, size + i), number(0.01, 0.05, 2 * size + i)]
        numbers = (
            number(0.9985, 0.9995, i),
            *errors,
            sum(errors) / 2,
            t1,
            number(0.6, 1.5, i) * t1,
        )
        qubits.append(_qubit(i, i, i % columns, -(i // columns), *numbers, durations))
    pairs = [(i, i + 1) for i in range(size) if (i + 1) % columns]
    pairs += [(i, i + columns) for i in range(size - columns)]
    return {
        "name": f"chip-{size}q",
        "device_id": f"chip-{size}q",
        "qubits": qubits,
        "couplings": [
            {
                "control": a,
                "target": b,
                "fidelity": number(0.975, 0.993, a + 7 * b),
                "gate_duration": {"cx": 240, "rzx90": 208},
            }
            for a, b in pairs
        ],
        "calibrated_at": "2026-11-20T02:15:00Z",
    }


_QPU = {
    "device_type": "QPU",
    "status": "available",
    "available_at": "2026-11-22T22:17:15Z",
    "n_pending_jobs": 2,
    "basis_gates": ["sx", "rz", "rzx90", "id"],
    "supported_instructions": ["measure", "barrier"],
    "device_info": None,
    "calibrated_at": "2026-11-22T22:17:15Z",
    "description": "Superconducting quantum computer",
}


def anemone_device():
    return copy.deepcopy({"device_id": "anemone", "n_qubits": 3, **_QPU})


def kawasaki_device():
    """A real entry of the device list without device_info."""
    return copy.deepcopy({"device_id": "Kawasaki", "n_qubits": 64, **_QPU})


def grid_device():
    return {
        **kawasaki_device(),
        "device_id": "qulacs",
        "device_type": "simulator",
        "n_qubits": 16,
        "basis_gates": ["sx", "x", "rz", "cx"],
        "calibrated_at": "2025-03-18T17:11:47Z",
    }


def chip_device(rows, columns):
    size = rows * columns
    return {**grid_device(), "device_id": f"chip-{size}q", "device_type": "QPU", "n_qubits": size}


def describe(target):
    """A Target as plain values, to compare (Qiskit's own == compares identities)."""
    return {
        "numbers": (target.num_qubits, target.dt, target.description),
        "qubits": [(q.t1, q.t2) for q in target.qubit_properties or ()],
        "operations": {
            name: {
                qargs: None if properties is None else (type(properties), repr(properties))
                for qargs, properties in (target[name] or {None: None}).items()
            }
            for name in sorted(target.operation_names)
        },
    }
