"""Devices whose qubits stand in a line, one of them uncalibrated in any of the ways there are."""

import math

READOUT = {"prob_meas1_prep0": 0.01, "prob_meas0_prep1": 0.02}
GOOD = {
    "fidelity": 0.999,
    "meas_error": READOUT,
    "qubit_lifetime": {"t1": 50.0, "t2": 40.0},
    "gate_duration": {"rz": 0, "sx": 20, "x": 20},
}
ZEROS = {
    "fidelity": 0,
    "meas_error": {**dict.fromkeys(READOUT, 0), "readout_assignment_error": 0},
    "qubit_lifetime": {"t1": 0, "t2": 0},
    "gate_duration": {"rz": 0, "sx": 20, "x": 20},
}

UNKNOWN = {
    "no fields": {},
    "null fields": {"fidelity": None, "meas_error": None, "qubit_lifetime": None},
    "null numbers": {"fidelity": None, "meas_error": dict.fromkeys(READOUT)},
    "zeros": ZEROS,
    "fidelity null": GOOD | {"fidelity": None},
    "fidelity 0": GOOD | {"fidelity": 0},
    "fidelity 0.25": GOOD | {"fidelity": 0.25},
    "fidelity 0.5": GOOD | {"fidelity": 0.5},
    "fidelity 1.3": GOOD | {"fidelity": 1.3},
    "fidelity -1": GOOD | {"fidelity": -1},
    "fidelity NaN": GOOD | {"fidelity": math.nan},
    "fidelity text": GOOD | {"fidelity": "0.999"},
    "readout null": GOOD | {"meas_error": None},
    "readout in part": GOOD | {"meas_error": {"prob_meas1_prep0": 0.01}},
    "readout 1.3": GOOD | {"meas_error": READOUT | {"prob_meas0_prep1": 1.3}},
    "readout NaN": GOOD | {"meas_error": {"readout_assignment_error": math.nan}},
    "readout text": GOOD | {"meas_error": "good"},
    "readout 0": GOOD | {"meas_error": dict.fromkeys(READOUT, 0)},
}
"""What an uncalibrated qubit looks like in device_info."""


def line_facts(size, unknown=None, couplings=None):
    """Return the facts of a line.

    Args:
        size: Number of qubits.
        unknown: What is said of qubits, by id, in place of the usual numbers.
        couplings: The same for couplings, by control.
    """
    qubits = [{"id": i, **(unknown or {}).get(i, GOOD)} for i in range(size)]
    usual = {"fidelity": 0.98, "gate_duration": {"cx": 200}}
    pairs = [
        {"control": i, "target": i + 1, **(couplings or {}).get(i, usual)} for i in range(size - 1)
    ]
    return {"name": "line", "device_id": "line", "qubits": qubits, "couplings": pairs}
