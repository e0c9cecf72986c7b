"""Which qubits and couplings are good enough, of Targets of OQTOPUS and of others."""

import math
import warnings

import pytest
from qiskit.circuit import Measure
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from qiskit_oqtopus import OqtopusOptionError, OqtopusWarning, QulacsBackend
from qiskit_oqtopus.device import good_couplings, good_qubits
from qiskit_oqtopus.device.selection import find_unknown
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from tests.lines import GOOD, READOUT, line_facts


def line(size, unknown=None, couplings=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        facts = line_facts(size, unknown, couplings)
        return DeviceSnapshot.from_device({"device_id": "line"}, facts).target(**options)


@pytest.mark.parametrize(
    ("change", "limits"),
    [
        ({"fidelity": 0.98}, {"max_gate_error": 0.03}),
        ({"meas_error": {"readout_assignment_error": 0.2}}, {"max_readout_error": 0.3}),
        ({"fidelity": 0.98}, {"max_gate_error": None}),
    ],
)
def test_limits_of_errors(change, limits):
    target = line(3, {1: GOOD | change})
    assert good_qubits(target) == [0, 2]
    assert good_qubits(target, **limits) == [0, 1, 2]
    assert good_couplings(target) == []
    assert good_couplings(target, **limits) == [(0, 1), (1, 2)]


def test_limits_of_lifetimes():
    short = {"qubit_lifetime": {"t1": 20.0, "t2": 40.0}}
    target = line(3, {0: GOOD | short, 1: GOOD | {"qubit_lifetime": None}})
    assert good_qubits(target) == [0, 1, 2]
    assert good_qubits(target, min_t1=10e-6) == [0, 2]
    assert good_qubits(target, min_t1=30e-6) == [2]
    assert good_qubits(target, min_t2=41e-6) == []
    assert good_couplings(target, min_t2=30e-6) == []


def test_limits_of_couplings():
    target = line(4, couplings={1: {"fidelity": 0.9}})
    assert good_couplings(target) == [(0, 1), (2, 3)]
    assert good_couplings(target, max_error=0.11) == [(0, 1), (1, 2), (2, 3)]
    assert good_couplings(target, max_error=0.01) == []


@pytest.mark.parametrize("include", [False, True])
def test_what_is_unknown_is_not_good(include):
    target = line(4, {0: {}}, {1: {"fidelity": 0.2}}, include_uncalibrated=include)
    assert good_qubits(target) == [1, 2, 3]
    assert good_couplings(target) == [(2, 3)]


def test_nothing_is_known():
    target = line(3, {key: {} for key in range(3)}, {key: {} for key in range(2)})
    with pytest.warns(OqtopusWarning, match="nothing is known of any qubit") as caught:
        assert good_qubits(target) == [0, 1, 2]
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(OqtopusWarning, match="no gate of two qubits has an error"):
        assert good_couplings(target) == [(0, 1), (1, 2)]


@pytest.mark.parametrize(
    ("change", "words", "limit"),
    [
        ({"fidelity": 0.999}, "no measurement has an error", "max_readout_error"),
        ({"meas_error": READOUT}, "no gate of one qubit has an error", "max_gate_error"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_an_error_that_no_qubit_has_is_not_limited(change, words, limit):
    target = line(2, dict.fromkeys(range(2), change))
    with pytest.warns(OqtopusWarning, match=words):
        assert good_qubits(target) == [0, 1]
    assert good_qubits(target, **{limit: None}) == [0, 1]  # does not warn
    assert good_qubits(target, **{limit: None}, min_t1=1e-6) == []


@pytest.mark.parametrize("value", ["0.1", math.nan, -0.1, True])
@pytest.mark.parametrize("name", ["max_gate_error", "max_readout_error", "min_t1", "min_t2"])
def test_limits_that_are_none(name, value):
    with pytest.raises(OqtopusOptionError, match=f"'{name}' must be a number of at least 0"):
        good_couplings(line(2), **{name: value})
    with pytest.raises(OqtopusOptionError, match="'max_error' must be a number of at least 0"):
        good_couplings(line(2), max_error=value)


# --- Targets of others ---


def lab(x=0.001, sx=0.001, readout=0.01, cx=0.01):
    """A Target of two qubits; the numbers are those of the second one."""
    target = Target(num_qubits=2, qubit_properties=[QubitProperties(t1=1e-5)] * 2)
    for gate, error in ((XGate(), x), (SXGate(), sx)):
        known = {(0,): InstructionProperties(error=0.001), (1,): InstructionProperties(error=error)}
        target.add_instruction(gate, known)
    virtual = InstructionProperties(0.0, 0.0)
    target.add_instruction(RZGate(0.1), {(0,): virtual, (1,): virtual}, name="rz_of_ours")
    measured = {(0,): InstructionProperties(error=0.01), (1,): InstructionProperties(error=readout)}
    target.add_instruction(Measure(), measured)
    pairs = {(0, 1): InstructionProperties(error=0.01), (1, 0): InstructionProperties(error=cx)}
    target.add_instruction(CXGate(), pairs)
    return target


@pytest.mark.parametrize(
    ("numbers", "unknown"),
    [
        ({"x": None}, ["gates of qubit 1"]),
        ({"x": None, "sx": None}, ["gates of qubit 1"]),
        ({"readout": None}, ["readout of qubit 1"]),
    ],
)
def test_gaps_of_qubits(numbers, unknown):
    target = lab(**numbers)
    assert find_unknown(target) == unknown
    assert good_qubits(target) == [0]
    assert good_couplings(target) == []


def test_gaps_of_couplings():
    assert find_unknown(lab()) == []
    assert good_couplings(lab()) == [(0, 1), (1, 0)]
    assert find_unknown(lab(cx=None)) == ["coupling (1, 0)"]
    assert good_couplings(lab(cx=None)) == [(0, 1)]


def test_the_worst_gate_counts_and_nan_is_not_good():
    assert good_qubits(lab(sx=0.02)) == [0]
    assert good_qubits(lab(x=math.nan)) == [0]


def test_of_any_backend():
    generic = GenericBackendV2(3, coupling_map=[[0, 1], [1, 2]], seed=1)
    assert good_qubits(generic.target) == [0, 1, 2]
    assert good_couplings(generic.target, max_error=None) == [(0, 1), (1, 2)]


def test_operations_on_any_qubits():
    target = Target(num_qubits=3)
    target.add_instruction(XGate(), {None: InstructionProperties(error=0.001)})
    target.add_instruction(Measure(), {None: InstructionProperties(error=0.01)})
    target.add_instruction(CXGate(), {None: InstructionProperties(error=0.01)})
    assert good_qubits(target) == [0, 1, 2]
    assert len(good_couplings(target)) == 6
    assert find_unknown(target) == []
    with pytest.warns(OqtopusWarning, match="nothing is known"):
        assert QulacsBackend(num_qubits=3).good_qubits() == [0, 1, 2]
    assert good_qubits(Target(num_qubits=3), max_gate_error=None) == []


def test_a_backend_has_the_same():
    twin = QulacsBackend.from_target(lab())
    assert twin.good_qubits(max_gate_error=0.0001) == []
    assert twin.good_couplings(max_error=0.02) == [(0, 1), (1, 0)]
    with pytest.raises(TypeError, match="max_gate"):
        twin.good_qubits(max_gate=1)


@pytest.mark.parametrize("numbers", [{"sx": None}, {"readout": None}, {"cx": None}])
def test_a_twin_warns_that_it_is_best_where_nothing_is_known(numbers):
    with pytest.warns(OqtopusWarning, match="the twin is best where nothing is known") as caught:
        QulacsBackend.from_target(lab(**numbers))
    (message,) = [str(w.message) for w in caught if "nothing is known" in str(w.message)]
    assert find_unknown(lab(**numbers))[0] in message
    assert {warning.filename for warning in caught} == {__file__}


def test_a_twin_without_noise_or_gaps_does_not_warn():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        QulacsBackend.from_target(lab())
        QulacsBackend.from_target(lab(sx=None), noise=False)
    assert not [w for w in caught if "nothing is known" in str(w.message)]
