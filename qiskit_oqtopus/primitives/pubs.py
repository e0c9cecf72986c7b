"""What a primitive is given: PUBs, all of them checked before anything is run.

Broadcasting and shapes are those of Qiskit's own ``SamplerPub`` and ``EstimatorPub``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives import DataBin
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..circuits import UnboundError, bind_parameters
from ..exceptions import OqtopusPubError
from ..options import to_integer
from .observables import ObservableError, Terms, to_pauli_terms
from .options import is_precision

Pub = TypeVar("Pub")
Mapped = TypeVar("Mapped")


def parse_sampler_pubs(given: Any, shots: Any) -> list[SamplerPub]:
    """Return the PUBs that a sampler was given.

    Args:
        given: What the user gave to ``run``.
        shots: Number of shots for PUBs that give none of their own.

    Raises:
        OqtopusPubError: If some of them cannot be run; it lists all of those.
    """
    shots = to_integer(shots)
    return map_pubs(
        _to_list(given, "Sampler"), lambda index, pub: _parse_sampler_pub(index, pub, shots)
    )


def parse_estimator_pubs(given: Any, precision: Any) -> list[EstimatorPub]:
    """Return the PUBs that an estimator was given.

    Args:
        given: What the user gave to ``run``.
        precision: Precision for PUBs that give none of their own.

    Raises:
        OqtopusPubError: If some of them cannot be run; it lists all of those.
    """
    return map_pubs(
        _to_list(given, "Estimator"), lambda index, pub: _parse_estimator_pub(index, pub, precision)
    )


def map_pubs(pubs: Iterable[Pub], function: Callable[[int, Pub], Mapped]) -> list[Mapped]:
    """Call a function for each PUB and return its results.

    Args:
        pubs: The PUBs.
        function: Takes the position of a PUB, and the PUB.

    Raises:
        OqtopusPubError: If the function raises it for some PUBs; it lists all of those.
    """
    mapped: list[Mapped] = []
    errors: list[OqtopusPubError] = []
    for index, pub in enumerate(pubs):
        try:
            mapped.append(function(index, pub))
        except OqtopusPubError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        first, *others = [problem for error in errors for problem in error.problems]
        raise OqtopusPubError(*first, *others)
    return mapped


def parse_observables(index: int, pub: EstimatorPub) -> list[Terms]:
    """Return the observables of a PUB, in C order.

    Args:
        index: Position of the PUB, for the error.
        pub: The PUB.

    Raises:
        OqtopusPubError: If one of them cannot be measured.
    """
    flat = pub.observables.ravel()
    try:
        return [to_pauli_terms(flat[number]) for number in range(flat.size)]
    except ObservableError as error:
        raise OqtopusPubError(index, f"{error}; an observable is a real sum of Paulis") from error


def bind_pub(index: int, pub: SamplerPub | EstimatorPub) -> list[QuantumCircuit]:
    """Return the circuit of a PUB for each of its parameter sets, in C order.

    Args:
        index: Position of the PUB, for the error.
        pub: The PUB.

    Raises:
        OqtopusPubError: If an expression of parameters has no value for a set.
    """
    circuit, values = pub.circuit, pub.parameter_values
    if not circuit.num_parameters:
        return [circuit] * values.size
    try:
        return bind_parameters(circuit, parameter_rows(pub))
    except UnboundError as error:
        place = describe_place(error.number, values.shape)
        raise OqtopusPubError(index, error.at(place)) from error


def parameter_rows(pub: SamplerPub | EstimatorPub) -> np.ndarray:
    """Return the parameter sets of a PUB, shape (sets, parameters), in C order.

    The parameters stand in the order of ``circuit.parameters``.
    """
    values = pub.parameter_values
    rows = values.as_array(pub.circuit.parameters) if pub.circuit.num_parameters else np.zeros(0)
    return np.asarray(rows, dtype=float).reshape(values.size, pub.circuit.num_parameters)


def broadcast_elements(pub: EstimatorPub) -> tuple[np.ndarray, np.ndarray]:
    """Return the parameter set and the observable of each element of a PUB, all in C order."""
    values, observables = pub.parameter_values, pub.observables
    sets, picked = np.broadcast_arrays(
        np.arange(values.size).reshape(values.shape),
        np.arange(observables.size).reshape(observables.shape),
    )
    return sets.ravel(), picked.ravel()


def check_registers(index: int, circuit: QuantumCircuit) -> None:
    """Refuse registers whose bits could not be given back by their names.

    Raises:
        OqtopusPubError: If a register has a name that ``DataBin`` does not take.
    """
    try:
        DataBin(**{register.name: None for register in circuit.cregs})
    except (TypeError, ValueError) as error:  # the former for "self"
        raise OqtopusPubError(
            index, f"a register has a name that results cannot have ({error}); rename it"
        ) from error


def describe_place(number: int, shape: tuple[int, ...]) -> str:
    """Return where the n-th element of an array is, in words.

    >>> describe_place(4, (2, 3)), describe_place(4, (9,)), describe_place(0, ())
    ('(1, 1)', '4', '0')
    """
    place = tuple(int(index) for index in np.unravel_index(number, shape)) if shape else (0,)
    return str(place[0] if len(place) == 1 else place)


def _to_list(given: Any, kind: str) -> list[Any]:
    """Return what was given as a list; a single PUB without a list around it is refused."""
    single = isinstance(given, tuple) and _begins_with_circuit(given)
    if single:
        single = any(not _may_be_pub(item) for item in given[1:])
    if single or isinstance(given, (QuantumCircuit, str, bytes)) or not isinstance(given, Iterable):
        # In Qiskit's words, by which it can be looked up.
        raise OqtopusPubError(
            None,
            f"An invalid {kind} pub-like was given ({type(given)}). run() takes a list of PUBs. "
            "Note that if you want to run a single pub, you need to wrap it with []: "
            f"{kind.lower()}.run([pub])",
        )
    return list(given)


def _begins_with_circuit(given: tuple[Any, ...] | list[Any]) -> bool:
    return len(given) > 0 and isinstance(given[0], QuantumCircuit)


def _may_be_pub(given: Any) -> bool:
    if isinstance(given, (tuple, list)):
        return _begins_with_circuit(given)
    return isinstance(given, (QuantumCircuit, SamplerPub, EstimatorPub))


@contextmanager
def _name_pub(index: int) -> Iterator[None]:
    """Raise what Qiskit finds wrong with a PUB as an error that names it."""
    try:
        yield
    except OqtopusPubError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, QiskitError) as error:
        text = error.message if isinstance(error, QiskitError) else str(error)
        raise OqtopusPubError(index, text or type(error).__name__) from error


def _parse_sampler_pub(index: int, given: Any, shots: Any) -> SamplerPub:
    with _name_pub(index):
        _find_circuit(index, given)
        # Checked here, since Qiskit's check is not the same in all of its versions.
        own = to_integer(_find_item(given, 2, "shots"))
        if isinstance(given, (tuple, list)) and own is not None:
            given = (*given[:2], own, *given[3:])
        _check_shots(index, shots if own is None else own)
        pub = SamplerPub.coerce(given, shots if own is None else None)
    _check_values(index, pub)
    return pub


def _parse_estimator_pub(index: int, given: Any, default: Any) -> EstimatorPub:
    with _name_pub(index):
        circuit = _find_circuit(index, given)
        if isinstance(given, QuantumCircuit) or (
            isinstance(given, (tuple, list)) and len(given) < 2
        ):
            raise OqtopusPubError(index, "it has no observables; give (circuit, observables)")
        own = _find_item(given, 3, "precision")
        _check_precision(index, default if own is None else own)
        if not isinstance(given, EstimatorPub):
            given = list(given)
            given[1] = ObservablesArray.coerce(given[1])
            _check_width(index, circuit, given[1])
        pub = EstimatorPub.coerce(given, default if own is None else None)
    _check_measures_nothing(index, circuit)
    _check_values(index, pub)
    return pub


def _find_circuit(index: int, given: Any) -> QuantumCircuit:
    circuit = given
    if isinstance(given, (SamplerPub, EstimatorPub)):
        circuit = given.circuit
    elif isinstance(given, (tuple, list)) and given:
        circuit = given[0]
    if not isinstance(circuit, QuantumCircuit):
        raise OqtopusPubError(
            index,
            f"it has no circuit, but {circuit!r:.60}; a PUB is a circuit or a tuple that begins "
            "with one, and run() takes a list of PUBs",
        )
    return circuit


def _find_item(given: Any, place: int, name: str) -> Any:
    """Return what a PUB says of its shots or precision, or None."""
    if isinstance(given, (tuple, list)):
        return given[place] if len(given) > place else None
    return getattr(given, name, None) if not isinstance(given, QuantumCircuit) else None


def _check_shots(index: int, shots: Any) -> None:
    if isinstance(shots, bool) or not isinstance(shots, Integral) or shots < 1:
        raise OqtopusPubError(index, f"shots must be an integer of at least 1, not {shots!r}")


def _check_precision(index: int, precision: Any) -> None:
    if not is_precision(precision):
        raise OqtopusPubError(index, f"precision must be a number of at least 0, not {precision!r}")


def _check_values(index: int, pub: SamplerPub | EstimatorPub) -> None:
    wanted = {parameter.name for parameter in pub.circuit.parameters}
    named = {str(name) for names in pub.parameter_values.data for name in names}
    if named != wanted:
        raise OqtopusPubError(
            index,
            f"its values are for the parameters {', '.join(sorted(named))}, and its circuit has "
            f"{', '.join(sorted(wanted))}",
        )
    for names, values in pub.parameter_values.data.items():
        if not np.isfinite(values).all():
            raise OqtopusPubError(
                index, f"a value of {', '.join(map(str, names))} is not a finite number"
            )


def _check_measures_nothing(index: int, circuit: QuantumCircuit) -> None:
    for position, item in enumerate(circuit.data):
        if item.clbits:
            raise OqtopusPubError(
                index,
                f"instruction {position} ({item.name!r}) of its circuit uses classical bits. An "
                "estimator chooses the measurements itself: take "
                "circuit.remove_final_measurements(inplace=False)",
            )


def _check_width(index: int, circuit: QuantumCircuit, observables: ObservablesArray) -> None:
    flat = observables.ravel()
    for number in range(flat.size):
        width = len(next(iter(flat[number])))
        if width == circuit.num_qubits:
            continue
        place = describe_place(number, observables.shape)
        reason = f"observable {place} has {width} qubits and the circuit has {circuit.num_qubits}"
        if circuit.layout is not None and width < circuit.num_qubits:
            reason += (
                ", because it was compiled for a device. Give the observable the same layout: "
                "observable.apply_layout(circuit.layout)"
            )
        raise OqtopusPubError(index, reason)
