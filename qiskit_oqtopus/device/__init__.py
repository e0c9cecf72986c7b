"""Devices: what a device is, and what it cannot do."""

from .selection import good_couplings, good_qubits

__all__ = ["good_couplings", "good_qubits"]
