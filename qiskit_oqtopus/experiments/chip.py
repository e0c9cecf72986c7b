"""What placing circuits needs to know of a device, as plain data (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qiskit.providers import BackendV2
from qiskit_experiments.framework import BackendTiming

from ..exceptions import OqtopusOptionError
from .grouping import Coupling

NEEDED = {
    "readout": ("x",),
    "t1": ("x", "delay"),
    "t2": ("sx", "x", "delay"),
    "rb": ("rz", "sx"),
    "irb": ("rz", "sx", "cx"),
    "chsh": ("rz", "sx", "cx"),
    "parity": ("rz", "sx", "cx"),
}
"""By what is measured, the instructions of which its circuits consist, beside measurements."""


@dataclass(frozen=True)
class Chip:
    """The clock of a device, and how long its pulses are; what is not known counts as 0.

    Attributes:
        num_qubits: Width of its circuits.
        step: Shortest step of its clock in s: delays are multiples of it; None for any delay.
        dt: Duration of one dt in s, in which delays are written; None to write them in s.
        x: Duration of x in s by qubit.
        sx: The same of sx.
        cx: The same of cx by control and target.
    """

    num_qubits: int
    step: float | None
    dt: float | None
    x: Mapping[int, float]
    sx: Mapping[int, float]
    cx: Mapping[Coupling, float]

    @classmethod
    def from_backend(
        cls, backend: BackendV2, qubits: Iterable[int], couplings: Iterable[Coupling]
    ) -> Chip:
        """Return what a backend says of some qubits and couplings."""
        target = backend.target
        timing = BackendTiming(backend)
        dt = target.dt
        step = None if dt is None else timing.delay_time(samples=1) or None
        if step is None and dt is not None:
            # A sample is rounded down to none where delays are to be multiples of several.
            samples = 2
            while not timing.round_delay(samples=samples):
                samples *= 2
            step = timing.delay_time(samples=samples)

        def read(name: str, place: tuple[int, ...]) -> float:
            table = target[name] if name in target.operation_names else {}
            properties = (table or {}).get(place)
            return float(getattr(properties, "duration", None) or 0.0)

        return cls(
            target.num_qubits,
            step,
            dt,
            {qubit: read("x", (qubit,)) for qubit in qubits},
            {qubit: read("sx", (qubit,)) for qubit in qubits},
            {pair: read("cx", pair) for pair in couplings},
        )

    def to_plain(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {
            "num_qubits": self.num_qubits,
            "step": self.step,
            "dt": self.dt,
            "x": _shorten({str(qubit): time for qubit, time in self.x.items()}),
            "sx": _shorten({str(qubit): time for qubit, time in self.sx.items()}),
            "cx": _shorten({f"{a}-{b}": time for (a, b), time in self.cx.items()}),
        }

    @classmethod
    def from_plain(
        cls, plain: Mapping[str, Any], qubits: Iterable[int], couplings: Iterable[Coupling]
    ) -> Chip:
        """Return what :meth:`to_plain` wrote."""
        qubits = list(qubits)

        def read(name: str, places: Iterable[Any], key: Any) -> dict[Any, float]:
            table = plain[name]
            usual = table.get("all", 0.0)
            return {place: float(table.get(key(place), usual)) for place in places}

        return cls(
            plain["num_qubits"],
            plain["step"],
            plain["dt"],
            read("x", qubits, str),
            read("sx", qubits, str),
            read("cx", couplings, lambda pair: f"{pair[0]}-{pair[1]}"),
        )

    def round(self, seconds: float) -> float:
        """Return the nearest delay that the clock of the device has, in s."""
        return seconds if self.step is None else round(seconds / self.step) * self.step

    def to_duration(self, seconds: float) -> tuple[float | int, str]:
        """Return a rounded delay as a number and its unit."""
        return (seconds, "s") if self.dt is None else (round(seconds / self.dt), "dt")


def _shorten(table: dict[str, float]) -> dict[str, float]:
    """Return a table with one entry where all are the same."""
    values = set(table.values())
    return {"all": values.pop()} if len(values) == 1 else table


def check_instructions(
    backend: BackendV2, measure: Iterable[str], qubits: Iterable[int], couplings: Iterable[Coupling]
) -> None:
    """Raise an error if a device has not what circuits consist of.

    Raises:
        OqtopusOptionError: Which instruction it does not have where.
    """
    target = backend.target
    qubits, couplings = list(qubits), list(couplings)
    for kind in measure:
        for name in (*NEEDED[kind], "measure"):
            places = couplings if name == "cx" else [(qubit,) for qubit in qubits]
            missing = [place for place in places if not target.instruction_supported(name, place)]
            if missing:
                raise OqtopusOptionError(
                    f"{backend.name} has no {name!r} on {missing[0]}, of which the circuits of "
                    f"{kind!r} consist. Leave {kind!r} out of 'measure', or leave this place out."
                )


def check_qubits(physical_qubits: Sequence[int], backend: Any) -> None:
    """Check that a backend has the qubits of an experiment.

    Raises:
        OqtopusOptionError: If it does not.
    """
    size = getattr(backend, "num_qubits", None)
    if size is None:
        return
    wrong = [q for q in physical_qubits if not 0 <= q < size]
    if wrong:
        raise OqtopusOptionError(
            f"{backend.name} has qubits 0 to {size - 1}, and no {', '.join(map(str, wrong))}: "
            "choose other physical_qubits, such as those of backend.good_qubits()."
        )
