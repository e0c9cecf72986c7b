"""The local simulator: Qiskit circuits on Qulacs."""
