"""Experiments that run in the same circuits, which are placed on physical qubits as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qiskit import QuantumCircuit
from qiskit_experiments.framework import BaseExperiment, ParallelExperiment
from qiskit_experiments.library import LocalReadoutError

from .chip import Chip
from .composite import IndexedAnalysis
from .placement import Placed, place_readout

Place = Callable[[Chip, Sequence[BaseExperiment]], list[Placed]]


class PlacedGroup(ParallelExperiment):
    """Experiments on different qubits at the same time, for which nothing is transpiled.

    Args:
        experiments: The experiments.
        place: What makes circuits of them.
        chip: The device.
        points: Number of circuits.
    """

    def __init__(
        self, experiments: list[BaseExperiment], place: Place, chip: Chip, points: int
    ) -> None:
        analyses = [experiment.analysis for experiment in experiments]
        super().__init__(
            experiments,
            analysis=IndexedAnalysis(analyses, [points] * len(experiments)),
            experiment_type=ParallelExperiment.__name__,
        )
        self.points = points
        self._place = place
        self._chip = chip

    def _transpiled_circuits(self) -> list[QuantumCircuit]:
        qubits = [list(experiment.physical_qubits) for experiment in self._experiments]
        bits = iter(range(sum(map(len, qubits))))
        clbits = [[next(bits) for _ in each] for each in qubits]
        circuits = []
        for circuit, metadata in self._place(self._chip, self._experiments):
            circuit.metadata = {
                "experiment_type": self._type,
                "composite_index": list(range(len(qubits))),
                "composite_metadata": metadata,
                "composite_qubits": [list(each) for each in qubits],
                "composite_clbits": [list(each) for each in clbits],
            }
            circuits.append(circuit)
        return circuits


class ReadoutGroup(LocalReadoutError):  # noqa: N818 - the error is that of a readout
    """LocalReadoutError, for which nothing is transpiled.

    Args:
        physical_qubits: The qubits.
        chip: The device.
    """

    points = 2

    def __init__(self, physical_qubits: Sequence[int], chip: Chip) -> None:
        super().__init__(physical_qubits)
        self._type = LocalReadoutError.__name__
        self._chip = chip

    def _transpiled_circuits(self) -> list[QuantumCircuit]:
        return place_readout(self._chip, self.physical_qubits)
