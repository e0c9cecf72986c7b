"""A local OQTOPUS Cloud over real HTTP, for tests, documentation and trying things out.

It answers as the measured server does, its quirks included, runs programs with the local
simulator, and fails on demand. It needs the extra ``emulator`` (starlette and uvicorn):
``pip install "qiskit-oqtopus[emulator]"``.
"""

from .database import JobView
from .devices import EmulatedDevice
from .faults import Fault, Faults
from .middleware import LoggedRequest
from .server import Emulator, Pace

__all__ = ["EmulatedDevice", "Emulator", "Fault", "Faults", "JobView", "LoggedRequest", "Pace"]
