"""The command line ``qiskit-oqtopus``."""
