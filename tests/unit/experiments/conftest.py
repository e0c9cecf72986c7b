"""What the tests of experiments have in common."""

import warnings

import numpy as np
import pytest
from qiskit.quantum_info import DensityMatrix
from qiskit.transpiler import Target

from qiskit_oqtopus import DeviceSnapshot, QulacsBackend
from tests.devices import chip_device, chip_facts

SEED = 20240607


@pytest.fixture
def backend() -> QulacsBackend:
    return QulacsBackend(num_qubits=3, seed_simulator=SEED)


def chip_target(rows: int, columns: int, change=lambda facts: None) -> Target:
    """The Target of a chip, whose facts may be changed before."""
    facts = chip_facts(rows, columns)
    change(facts)
    return DeviceSnapshot.from_device(chip_device(rows, columns), facts).target()


def chip_twin(rows: int, columns: int, change=lambda facts: None, **options) -> QulacsBackend:
    """The twin of a chip; what its calibration lacks is not said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = chip_target(rows, columns, change)
        return QulacsBackend.from_target(target, name="chip", seed=SEED, **options)


@pytest.fixture(scope="module")
def _cloud():
    emulator = pytest.importorskip("qiskit_oqtopus.emulator")
    with emulator.Emulator(devices=["grid-16q"], noise=True, seed=SEED) as running:
        yield running


@pytest.fixture
def cloud(_cloud, monkeypatch):
    """A cloud without faults, with the account of it for new processes."""
    monkeypatch.setenv("OQTOPUS_URL", _cloud.url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", _cloud.token)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield _cloud
    _cloud.faults.clear()


@pytest.fixture
def device(provider):
    return provider.backend("grid-16q")


def show_results(data):
    """Return what an analysis has found, to the last digit, so that two can be compared."""
    table = data.analysis_results(dataframe=True, columns="all")
    shown = []
    for name, value, quality in zip(table["name"], table["value"], table["quality"], strict=True):
        if hasattr(value, "assignment_matrix"):
            value = value.assignment_matrix().tolist()
        elif hasattr(value, "data"):
            value = value.data.tolist()
        elif hasattr(value, "nominal_value"):
            value = (value.nominal_value, value.std_dev)
        shown.append(repr((name, value, quality)))
    return shown


def predict(twin, circuits):
    """Return the exact probabilities of each circuit's outcomes, as its last bits show them.

    From the density matrix of the twin, and the errors of its readout that the Target states.
    """
    found = []
    options = {"density_matrix": True, "shots": 1}
    result = twin.run(circuits, **options).result()
    for index, circuit in enumerate(circuits):
        state = DensityMatrix(result.data(index)["density_matrix"])
        qubits = [0] * circuit.num_clbits
        for item in circuit.data:
            if item.operation.name == "measure":
                qubit, clbit = item.qubits[0], item.clbits[0]
                qubits[circuit.find_bit(clbit).index] = circuit.find_bit(qubit).index
        probabilities = state.probabilities(qubits).reshape([2] * len(qubits))
        for axis, qubit in enumerate(reversed(qubits)):
            stated = twin.target["measure"][(qubit,)]
            up, down = stated.prob_meas1_prep0, stated.prob_meas0_prep1
            confusion = np.array([[1 - up, down], [up, 1 - down]])
            moved = np.tensordot(confusion, probabilities, axes=(1, axis))
            probabilities = np.moveaxis(moved, 0, axis)
        width = len(qubits)
        flat = probabilities.reshape(-1)
        found.append({f"{number:0{width}b}": p for number, p in enumerate(flat)})
    return found


def parity_of(probabilities):
    """Return the mean of the product of all bits, each +1 for 0 and -1 for 1."""
    return sum((-1) ** bits.count("1") * p for bits, p in probabilities.items())
