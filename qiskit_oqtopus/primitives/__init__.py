"""Qiskit's primitives on devices and on the simulator."""
