"""The experiments that can be written as plain JSON and read back: a closed table, never code.

An experiment is written as its class, the arguments that made it, and the options that were set
since. Reading builds only classes of :data:`CLASSES`, from values of the closed set of types of
:mod:`qiskit_oqtopus.program.metadata` and from circuits of standard gates.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
from qiskit.circuit import Instruction, QuantumCircuit
from qiskit.providers import Options
from qiskit.quantum_info import Choi, Clifford, DensityMatrix, Operator, Statevector
from qiskit_experiments.framework import BaseAnalysis, BaseExperiment, CompositeAnalysis
from qiskit_experiments.library.tomography.basis.base_basis import BaseBasis

from ..exceptions import OqtopusOptionError, OqtopusProtocolError
from ..program import metadata as metadata_json
from ..program.metadata import MetadataError
from .circuits import MAX_QUBITS, circuit_from_plain, circuit_to_plain

_LIBRARY = "qiskit_experiments.library"
_FRAMEWORK = "qiskit_experiments.framework"

CLASSES = {
    "BatchExperiment": _FRAMEWORK,
    "CHSH": "qiskit_oqtopus.experiments.chsh",
    "Characterization": "qiskit_oqtopus.experiments.characterization",
    "CorrelatedReadoutError": _LIBRARY,
    "InterleavedRB": _LIBRARY,
    "LocalReadoutError": _LIBRARY,
    "ParallelExperiment": _FRAMEWORK,
    "ParityOscillation": "qiskit_oqtopus.experiments.ghz",
    "ProcessTomography": _LIBRARY,
    "QuantumVolume": _LIBRARY,
    "Rabi": "qiskit_oqtopus.experiments.rabi",
    "StandardRB": _LIBRARY,
    "StateTomography": _LIBRARY,
    "T1": _LIBRARY,
    "T2Hahn": _LIBRARY,
    "T2Ramsey": _LIBRARY,
    "Tphi": _LIBRARY,
}
"""Where each class is found that is known, by its name; it is imported when it is needed."""

RUN_OPTIONS = ("shots", "memory", "seed_simulator", "meas_level", "meas_return", "mitigation")
"""Run options that say what is measured; others, such as a group id, are those of one run."""

MAX_COMPONENTS = 10_000
"""Experiments in a composite one, for those that are read."""

MAX_NESTING = 16
"""Composite experiments inside each other."""

_STATES: dict[str, Any] = {
    "statevector": Statevector,
    "density_matrix": DensityMatrix,
    "operator": Operator,
    "choi": Choi,
}
"""Values of qiskit.quantum_info that one array says all of."""

_KIND = "$experiment"
"""Key of the values that are no metadata: circuits, gates, states, experiments."""

Plain = dict[str, Any]


def to_plain(experiment: BaseExperiment) -> Plain:
    """Return an experiment as plain JSON, without its backend.

    Raises:
        OqtopusOptionError: If its class is not known, or if it holds something that plain JSON
            cannot say.
    """
    try:
        return _write_experiment(experiment, type(experiment).__name__, 0)
    except MetadataError as error:
        raise OqtopusOptionError(
            f"This {type(experiment).__name__} cannot be written as plain JSON: {error.path}: "
            f"{error.reason}. Run it by experiment.run(backend, backend_run=True), and give it to "
            "experiments.load() to load its data."
        ) from error


def from_plain(plain: Any) -> BaseExperiment:
    """Return the experiment that was given to :func:`to_plain`.

    Raises:
        OqtopusProtocolError: If it is not one that is written there, or its class is not known.
    """
    try:
        return _read_experiment(plain, 0)
    except MetadataError as error:
        raise OqtopusProtocolError(
            f"The description of an experiment cannot be understood: {error.path}: {error.reason}. "
            "A later qiskit-oqtopus may be needed."
        ) from error


def _find_class(name: Any) -> Any:
    if not isinstance(name, str) or name not in CLASSES:
        known = ", ".join(sorted(CLASSES))
        raise MetadataError(f"class {name!r:.60}", f"it is not one of those known: {known}")
    return getattr(importlib.import_module(CLASSES[name]), name)


# -- writing ----------------------------------------------------------------------------------


def _write_experiment(experiment: BaseExperiment, path: str, depth: int) -> Plain:
    name = type(experiment).__name__
    cls = _find_class(name)
    if type(experiment) is not cls:
        raise MetadataError(path, f"its class is not the {name} that is known, but another one")
    if depth > MAX_NESTING:
        raise MetadataError(path, f"nested more than {MAX_NESTING} deep")
    if hasattr(cls, "to_plain"):
        return {"class": name, "plain": experiment.to_plain()}
    arguments = {
        key: _write(value, f"{path}, argument {key!r}", depth)
        for key, value in _find_arguments(experiment).items()
    }
    plain: Plain = {"class": name, "arguments": arguments}
    changes = _write_changes(experiment, _read_experiment(plain, depth), path, depth)
    return {**plain, **({"changes": changes} if changes else {})}


def _find_arguments(experiment: BaseExperiment) -> dict[str, Any]:
    """Return the arguments that make an experiment, without defaults and the backend."""
    given = {**experiment.__init_args__, **experiment.__init_kwargs__}
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(type(experiment).__init__).parameters.items()
    }
    if "circuit" in given:  # of a tomography, in the form that it has made of it
        given["circuit"] = experiment._circuit
    if "experiments" in given:
        given["experiments"] = list(experiment.component_experiment())
    if "physical_qubits" in given:
        given["physical_qubits"] = [int(qubit) for qubit in experiment.physical_qubits]
    return {
        name: value
        for name, value in given.items()
        if name != "backend" and not _is_default(value, defaults.get(name))
    }


def _is_default(value: Any, default: Any) -> bool:
    if value is default:
        return True
    is_plain = isinstance(value, (bool, int, float, str)) and type(value) is type(default)
    return is_plain and bool(value == default)


def _write(value: Any, path: str, depth: int) -> Any:
    """Return an argument or an option as plain JSON."""
    if isinstance(value, Enum):
        return _write(value.value, path, depth)
    if isinstance(value, range):
        return list(value)
    if isinstance(value, np.generic):
        return _write(value.item(), path, depth)
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim == 1:
        return [metadata_json.encode(item, path) for item in value.tolist()]
    if isinstance(value, list):
        return [_write(item, f"{path}[{i}]", depth) for i, item in enumerate(value)]
    if isinstance(value, BaseExperiment):
        return {_KIND: "experiment", "value": _write_experiment(value, path, depth + 1)}
    if isinstance(value, QuantumCircuit):
        return {_KIND: "circuit", "value": circuit_to_plain(value, path)}
    if isinstance(value, Clifford):
        return {_KIND: "clifford", "value": circuit_to_plain(value.to_circuit(), path)}
    if isinstance(value, Instruction):
        circuit = QuantumCircuit(value.num_qubits, value.num_clbits)
        circuit.append(value, circuit.qubits, circuit.clbits)
        written = circuit_to_plain(circuit, path)
        if len(written["operations"]) != 1:
            raise MetadataError(path, f"{value.name!r} is neither a standard gate nor a small one")
        return {_KIND: "gate", "value": written}
    for kind, cls in _STATES.items():
        if type(value) is cls:
            return {_KIND: kind, "value": metadata_json.encode(value.data, path)}
    if isinstance(value, dict) and _KIND in value:
        raise MetadataError(path, f"the key {_KIND!r} is taken")
    return metadata_json.encode(value, path)


def _write_changes(
    experiment: BaseExperiment, fresh: BaseExperiment, path: str, depth: int
) -> Plain:
    """Return which options differ from those of an experiment that its arguments make."""
    changes = {
        "options": _write_options(
            experiment.experiment_options,
            fresh.experiment_options,
            experiment._set_experiment_options,
            f"{path}, option",
            depth,
        ),
        "transpile": _write_options(
            experiment.transpile_options,
            fresh.transpile_options,
            experiment._set_transpile_options,
            f"{path}, transpile option",
            depth,
        ),
        "run": _write_options(
            experiment.run_options,
            fresh.run_options,
            experiment._set_run_options & set(RUN_OPTIONS),
            f"{path}, run option",
            depth,
        ),
        "analysis": _write_analysis(experiment.analysis, fresh.analysis, path, depth),
        "parts": _write_parts(experiment, fresh, path, depth),
    }
    return {name: change for name, change in changes.items() if change}


def _write_options(options: Options, fresh: Options, names: Any, path: str, depth: int) -> Plain:
    changed = {}
    for name in sorted(names):
        value, other = options.get(name), fresh.get(name)
        if _is_same(value, other):
            continue
        written = _write(value, f"{path} {name!r}", depth)
        try:
            is_same = written == _write(other, path, depth)
        except MetadataError:
            is_same = False
        if not is_same:
            changed[name] = written
    return changed


def _write_analysis(
    analysis: BaseAnalysis | None, fresh: BaseAnalysis | None, path: str, depth: int
) -> Plain:
    if type(analysis) is not type(fresh):
        raise MetadataError(path, f"its analysis is {type(analysis).__name__}, set by hand")
    if analysis is None or fresh is None:
        return {}
    where = f"{path}, analysis option"
    return _write_options(analysis.options, fresh.options, analysis._set_options, where, depth)


def _is_same(value: Any, other: Any) -> bool:
    """Return whether two options are known to be the same, without writing them."""
    if isinstance(value, BaseBasis):  # which knows no equality
        return type(value) is type(other) and bool(value.name == other.name)
    try:
        return type(value) is type(other) and bool(value == other)
    except ValueError:  # arrays
        return False


def _write_parts(
    experiment: BaseExperiment, fresh: BaseExperiment, path: str, depth: int
) -> list[Plain]:
    """Return the changes of components that the experiment makes itself, or none."""
    if not hasattr(experiment, "component_experiment"):
        return []
    components = experiment.component_experiment()
    if isinstance(experiment.analysis, CompositeAnalysis):
        for part, analysis in zip(
            components, experiment.analysis.component_analysis(), strict=True
        ):
            if analysis is not part.analysis:
                raise MetadataError(path, "its analyses are not those of its components")
    if "experiments" in experiment.__init_args__:  # each says it of itself
        return []
    changes = [
        _write_changes(part, other, f"{path}, component {i}", depth + 1)
        for i, (part, other) in enumerate(
            zip(components, fresh.component_experiment(), strict=True)
        )
    ]
    return changes if any(changes) else []


# -- reading ----------------------------------------------------------------------------------


def _read_experiment(plain: Any, depth: int) -> BaseExperiment:
    if not isinstance(plain, Mapping):
        raise MetadataError("experiment", "it is not an object")
    if depth > MAX_NESTING:
        raise MetadataError("experiment", f"nested more than {MAX_NESTING} deep")
    name = plain.get("class")
    cls = _find_class(name)
    try:
        if "plain" in plain:
            return cls.from_plain(plain["plain"])
        arguments = {
            str(key): _read(value, f"{name}, argument {key!r}", depth)
            for key, value in plain["arguments"].items()
            if key not in ("backend", "analysis")
        }
        experiment = cls(**arguments)
        if plain.get("changes"):
            _apply_changes(experiment, plain["changes"], str(name), depth)
    except MetadataError:
        raise
    # Whatever a constructor raises, these are not arguments that were written here.
    except Exception as error:
        raise MetadataError(str(name), f"it cannot be made: {error}") from error
    return experiment


def _read(value: Any, path: str, depth: int) -> Any:
    if isinstance(value, list):
        if len(value) > MAX_COMPONENTS and any(isinstance(item, Mapping) for item in value):
            raise MetadataError(path, f"more than {MAX_COMPONENTS} components")
        return [_read(item, f"{path}[{i}]", depth) for i, item in enumerate(value)]
    if not isinstance(value, Mapping) or _KIND not in value:
        return metadata_json.decode(value, path)
    kind, content = value[_KIND], value.get("value")
    if kind == "experiment":
        return _read_experiment(content, depth + 1)
    if kind == "circuit":
        return circuit_from_plain(content, path)
    if kind == "clifford":
        return Clifford(circuit_from_plain(content, path))
    if kind == "gate":
        return circuit_from_plain(content, path).data[0].operation
    if isinstance(kind, str) and kind in _STATES:
        array = np.asarray(metadata_json.decode(content, path))
        if array.size > 4**MAX_QUBITS:
            raise MetadataError(path, f"an array of {array.size} values")
        return _STATES[kind](array)
    raise MetadataError(path, f"unknown kind of value {kind!r:.60}")


def _apply_changes(experiment: BaseExperiment, changes: Plain, path: str, depth: int) -> None:
    def read(name: str) -> dict[str, Any]:
        return {
            str(key): _read(value, f"{path}, {name} {key!r}", depth)
            for key, value in changes.get(name, {}).items()
        }

    if "options" in changes:
        experiment.set_experiment_options(**read("options"))
    if "transpile" in changes:
        experiment.set_transpile_options(**read("transpile"))
    run = {key: value for key, value in read("run").items() if key in RUN_OPTIONS}
    if run:
        experiment.set_run_options(**run)
    if "analysis" in changes:
        experiment.analysis.set_options(**read("analysis"))
    parts = changes.get("parts", [])
    if parts:
        components = experiment.component_experiment()
        for i, (part, change) in enumerate(zip(components, parts, strict=True)):
            _apply_changes(part, change, f"{path}, component {i}", depth + 1)
