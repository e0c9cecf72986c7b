"""``python -m qiskit_oqtopus``: the command line, as ``qiskit-oqtopus``."""

from .cli.command import main

if __name__ == "__main__":
    main()
