"""What devices, simulators and twins do alike with their Targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qiskit.transpiler import Target

from .selection import good_couplings, good_qubits

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class TargetMethods:
    """Chooses qubits of a backend by what its Target states, and draws them."""

    _target: Target

    def good_qubits(self, **limits: float | None) -> list[int]:
        """Return the qubits that are good enough, see :func:`.selection.good_qubits`.

        Args:
            **limits: ``max_gate_error``, ``max_readout_error``, ``min_t1``, ``min_t2``.
        """
        return good_qubits(self._target, **limits)

    def good_couplings(self, **limits: float | None) -> list[tuple[int, int]]:
        """Return the couplings that are good enough, see :func:`.selection.good_couplings`.

        Args:
            **limits: ``max_error``, and those of :meth:`good_qubits`.
        """
        return good_couplings(self._target, **limits)

    def draw(self, qubits: Any = None, couplings: Any = None, *, ax: Axes | None = None) -> Axes:
        """Draw the chip, coloured by what is stated of it, see :func:`.drawing.draw_device`.

        Args:
            qubits: What colours the qubits: a column such as "t1", or values by qubit.
            couplings: What colours the couplings: a column such as "error", or values by pair.
            ax: Where to draw; None makes a figure of its own.
        """
        from ..drawing import draw_device  # most runs draw nothing

        return draw_device(self, qubits, couplings, ax=ax)
