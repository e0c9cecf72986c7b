"""Our backend against qiskit-qulacs, which lives in an environment of its own with Qiskit 1.4."""
