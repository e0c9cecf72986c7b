"""The emulator: a web server in one thread, and an engine in another."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import uvicorn
from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2

from ..device.timing import GLOBAL_BARRIERS
from ..exceptions import OqtopusError, OqtopusOptionError
from ..options import boolean, one_of, optional, seconds
from .app import Api
from .container import Container
from .database import FINAL, Database, JobRecord, JobView, format_time
from .devices import Devices, EmulatedDevice, parse_device
from .engine import Engine
from .faults import Faults
from .job_input import view_job
from .middleware import AbortableProtocol, Middleware, RequestLog
from .object_storage import ObjectStorage


@dataclass(frozen=True)
class Pace:
    """How fast the cloud works.

    Attributes:
        fetch_interval: Time that the engine waits between two looks at its queue in s, unless the
            first has found ``fetch_size`` jobs of a device; 0 is at once.
        fetch_size: Largest number of jobs that it takes per device at one look; None means all.
        job_time: Shortest time that it takes for each job, also for those that programs of SSE jobs
            send, in s.
        api_latency: Time that the server takes for each request to the API in s.
        device_lag: Time until a change of a device's status is shown in s.
        program_start: Time until the program of an SSE job begins, in s.
    """

    fetch_interval: float = 0.0
    fetch_size: int | None = None
    job_time: float = 0.0
    api_latency: float = 0.0
    device_lag: float = 0.0
    program_start: float = 0.0


AT_ONCE = Pace()
REALISTIC = Pace(
    fetch_interval=10.0,
    fetch_size=10,
    job_time=0.3,
    api_latency=0.15,
    device_lag=60.0,
    program_start=8.0,
)
"""What was measured with the defaults of the engine: 50 circuits in 20 s, 150 in 48 s; a program of
two circuits in 11 s."""


MAX_TIMEOUT = 86_400.0
"""Longest time that SSE may be allowed, in s."""

_DEVICE_TYPES = {"qulacs": "simulator", "qubex": "QPU"}


class Emulator:
    """A local OQTOPUS Cloud over real HTTP, on 127.0.0.1. A context manager.

    Args:
        devices: Devices: names of shipped examples ("line-4q", "grid-16q"), paths, dictionaries,
            ``DeviceSnapshot`` objects, or any ``BackendV2``, which runs the programs then; see
            :func:`qiskit_oqtopus.emulator.devices.parse_device`.
        token: The token of the first user; None generates one.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        realistic: Whether to work at the pace of a real server: 10 s between two looks at the
            queue, none after one that has found 10 jobs of a device; 0.3 s for a job, 0.15 s for a
            request to the API, 60 s until a change of a device's status shows, 8 s until the
            program of an SSE job begins.
        gateway: How counts are keyed: "qulacs" has a "0" for each classical bit that was not
            measured, "qubex" leaves those out. The devices of the first are simulators, and those
            of the second QPUs, unless they say what they are.
        device_info: How devices tell their facts: "url" (a presigned URL of a zip), "text" (JSON)
            or "null".
        faults: What goes wrong; None means nothing, until ``emulator.faults`` is told otherwise.
        noise: Whether programs run with the noise in the facts of their device, as on its
            :meth:`twin <qiskit_oqtopus.OqtopusBackend.twin>`; basis changes of the server's own
            estimation are perfect.
        timing: "global_barriers" for the time that programs take on a real device: qubits relax
            while they wait for others, each barrier and each rz is one over all qubits, and all
            qubits are read at the end. It needs ``noise``. None: only gates and delays take time.
        seed: Seed of the counts; None takes a new one for each job.
        pace: The pace in detail, in place of ``realistic``.
        sse: Whether jobs of type "sse" run. Their Python programs run as processes of the user who
            runs the emulator, and can do all that this user can: whoever knows a token may let code
            run here. Only on a loopback address. Otherwise such jobs fail.
        sse_timeout: Longest time that such a program may run, in s.
        sse_job_timeout: Longest time that each job which it sends may take, in s.
        samplers: Samplers by the names of devices that are a ``BackendV2``: they run the circuits
            in place of ``backend.run``, which some backends do not have.
        share_vendors: Whether such devices may be offered on an address that is not loopback:
            whoever knows a token runs programs there on the account of the owner.

    Attributes:
        url: URL of the user API, once it has started.
        token: The token of the first user.
        faults: Switches for what goes wrong.
        requests: The requests that came in.
        devices: The devices; ``devices.set(id, status="unavailable")`` changes one.

    Raises:
        OqtopusOptionError: If an option has a value that cannot be used.

    Example:
        >>> with Emulator(["line-4q"]) as cloud:
        ...     cloud.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(
        self,
        devices: Iterable[Any] | BackendV2 = ("grid-16q",),
        *,
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        realistic: bool = False,
        gateway: Literal["qulacs", "qubex"] = "qulacs",
        device_info: Literal["url", "text", "null"] = "url",
        faults: Faults | None = None,
        noise: bool = False,
        timing: Literal["global_barriers"] | None = None,
        seed: int | None = None,
        pace: Pace | None = None,
        sse: bool = False,
        sse_timeout: float = 600.0,
        sse_job_timeout: float = 60.0,
        samplers: Mapping[str, BaseSamplerV2] | None = None,
        share_vendors: bool = False,
    ) -> None:
        one_of(["qulacs", "qubex"])("gateway", gateway)
        one_of(["url", "text", "null"])("device_info", device_info)
        noise = boolean("noise", noise)
        optional(one_of([GLOBAL_BARRIERS]))("timing", timing)
        if timing is not None and not noise:
            raise OqtopusOptionError(
                f"Option 'timing' is {timing!r}, but there is no noise, so that time does nothing. "
                "Add noise=True."
            )
        if boolean("sse", sse) and not _is_loopback(host):
            raise OqtopusOptionError(
                f"Option 'sse' lets others run programs on this machine, and option 'host' "
                f"({host!r}) lets other machines do so. Use 127.0.0.1."
            )
        sse_timeout = _limit("sse_timeout", sse_timeout)
        sse_job_timeout = _limit("sse_job_timeout", sse_job_timeout)
        if isinstance(devices, (str, Path, Mapping, BackendV2)) or not isinstance(
            devices, Iterable
        ):
            devices = [devices]
        parsed = _check_distinct([parse_device(device, samplers) for device in devices])
        _check_vendors(parsed, samplers or {}, boolean("share_vendors", share_vendors), host)
        self._host = host
        self._port = port
        self._pace = pace or (REALISTIC if realistic else AT_ONCE)
        self.faults = Faults() if faults is None else faults
        self.devices = Devices(parsed, self._pace.device_lag)
        self.requests = RequestLog()
        self._database = Database(self._clock)
        self.token = self._database.add_user(token).token
        self._object_storage = ObjectStorage(self._clock, self.faults)
        self._engine = Engine(
            self._database,
            self._object_storage,
            self.devices,
            self.faults,
            gateway=gateway,
            interval=self._pace.fetch_interval,
            size=self._pace.fetch_size,
            job_time=self._pace.job_time,
            seed=seed,
            noise=noise,
            timing=timing,
            container=Container(sse_timeout) if sse else None,
            inner_timeout=sse_job_timeout,
            program_start=self._pace.program_start,
        )
        api = Api(
            self._database,
            self._object_storage,
            self.devices,
            self.faults,
            device_info,
            _DEVICE_TYPES[gateway],
        )
        self._app = Middleware(
            api.application(),
            self.faults,
            self.requests,
            lambda: self._database.tokens,
            time.time,
            self._pace.api_latency,
        )
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._url: str | None = None

    # Life

    def start(self) -> Emulator:
        """Start to listen, and return as soon as requests are answered.

        Raises:
            OqtopusError: If it is running already, or the port is taken.
        """
        if self._server is not None:
            raise OqtopusError("The emulator runs already; stop it first.")
        # Named as TCP, so that asyncio sets TCP_NODELAY: otherwise each answer would wait.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise OqtopusError(
                f"The emulator cannot listen on {self._host}:{self._port}: {error}. "
                "Use port 0 for a free one."
            ) from error
        # After a restart, the cloud is found where it was.
        self._port = listener.getsockname()[1]
        self._url = f"http://{self._host}:{self._port}"
        config = uvicorn.Config(
            self._app,
            http=AbortableProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
        )
        server = _Server(config)
        self._thread = threading.Thread(
            target=server.run, args=([listener],), name="oqtopus-emulator", daemon=True
        )
        self._server = server
        self._thread.start()
        self._engine.start()
        server.ready.wait()
        return self

    def stop(self) -> None:
        """Stop listening, and stop what runs, within a few seconds. May be called twice.

        Jobs and files are kept: ``start`` continues with them, on the same port. A job that was
        interrupted waits in the queue again.
        """
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        server.should_exit = True
        self._engine.stop()
        thread.join()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Emulator({self._url or 'not started'})>"

    # What is inside

    @property
    def url(self) -> str:
        """URL of the user API.

        Raises:
            OqtopusError: If it was never started.
        """
        if self._url is None:
            raise OqtopusError("The emulator has no URL before it is started.")
        return self._url

    @property
    def jobs(self) -> dict[str, JobRecord]:
        """All jobs by id, oldest first: copies."""
        return {job.job_id: job for job in self._database.all()}

    @property
    def executions(self) -> Counter[str]:
        """How often the program of each job was run: a copy."""
        return self._database.executions

    @property
    def inner_jobs(self) -> dict[str, list[JobView]]:
        """What the program of each SSE job has sent, by the id of that job: copies.

        The index of each is its place among those of the program.
        """
        return self._engine.inner_jobs

    def add_user(
        self,
        token: str | None = None,
        *,
        devices: Iterable[str] | None = None,
        approved: bool = True,
    ) -> str:
        """Add a user, and return their token.

        Args:
            token: Their token; None generates one.
            devices: Ids of the devices that they may use; None means all.
            approved: Whether they are approved; otherwise they get 403.
        """
        return self._database.add_user(token, devices, approved).token

    def announce(
        self,
        title: str,
        content: str = "",
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> None:
        """Announce something to all users, such as maintenance.

        Args:
            title: What it is about.
            content: Words.
            start: When it begins to hold; None for ever since.
            end: When it ends; None for ever.
        """
        self._database.announcements.append(
            {
                "id": len(self._database.announcements) + 1,
                "title": title,
                "content": content,
                "start_time": None if start is None else format_time(start.timestamp()),
                "end_time": None if end is None else format_time(end.timestamp()),
                "publishable": True,
            }
        )

    def expire_tokens(self, moment: datetime | None) -> None:
        """Let the tokens of all users expire at a time, as far as the server says; None for never.

        They are accepted afterwards, too.
        """
        text = None if moment is None else format_time(moment.timestamp())
        self._database.token_expires_at = text

    def view(self, job: JobRecord) -> JobView:
        """Return a job as faults see it."""
        return view_job(job, self._object_storage)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no job is unfinished.

        Args:
            timeout: Longest time to wait in s; None waits as long as it takes.

        Returns:
            Whether no job is unfinished.
        """
        return self._database.wait_for(
            lambda: all(
                job.status in (*FINAL, "registered") or job.ended_at is not None
                for job in self._database.all()
            ),
            timeout,
        )

    def _clock(self) -> float:
        return time.time() + self.faults.skew


class _Server(uvicorn.Server):
    """Tells when it is ready; since it runs in a thread, it leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until should_exit."""
        try:
            asyncio.run(self.serve(sockets))
        finally:
            self.ready.set()  # nobody must wait for a server that could not start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        await super().startup(sockets)
        self.ready.set()


def _limit(name: str, value: float) -> float:
    limit = seconds(name, value)
    if not 0 < limit <= MAX_TIMEOUT:
        raise OqtopusOptionError(
            f"Option {name!r} must be more than 0 and at most {MAX_TIMEOUT:,.0f} s, not {value!r}."
        )
    return limit


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_distinct(devices: list[EmulatedDevice]) -> list[EmulatedDevice]:
    ids = [device.device_id for device in devices]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise OqtopusOptionError(f"Option 'devices' has these ids more than once: {twice}.")
    return devices


def _check_vendors(
    devices: list[EmulatedDevice], samplers: Mapping[str, BaseSamplerV2], shared: bool, host: str
) -> None:
    vendors = [device.device_id for device in devices if device.vendor is not None]
    unknown = sorted(set(samplers) - set(vendors))
    if unknown:
        raise OqtopusOptionError(
            f"Option 'samplers' has {unknown[0]!r}, but the devices that are a BackendV2 are "
            f"{vendors}."
        )
    if vendors and not shared and not _is_loopback(host):
        raise OqtopusOptionError(
            f"Option 'host' ({host!r}) lets other machines run programs on {vendors[0]!r}, on your "
            "account. Use 127.0.0.1, or share_vendors=True if that is what you want."
        )
