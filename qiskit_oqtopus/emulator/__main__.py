"""``python -m qiskit_oqtopus.emulator``: a local OQTOPUS Cloud until Ctrl-C."""

from __future__ import annotations

import argparse
import inspect
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from ..device.timing import GLOBAL_BARRIERS
from ..exceptions import OqtopusError
from .container import end_all
from .devices import EXAMPLES
from .faults import Faults
from .server import Emulator

FAULTS = (
    "latency",
    "drop",
    "status",
    "redirect",
    "expire_urls",
    "url_lifetime",
    "corrupt_zip",
    "unknown_status",
    "stuck_running",
    "crossed_updates",
    "lost_ready",
    "fail_program",
    "slow_queue",
    "missing_log",
    "cut_log",
    "fail_inner",
    "slow_inner",
    "drop_inner",
    "clock_skew",
)
"""Methods of :class:`Faults` that the command line can call."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the emulator until a signal ends the process; return the exit code if it cannot."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    # Requests must not wait for Python's default switch interval when the engine is busy.
    sys.setswitchinterval(0.001)
    try:
        faults = Faults()
        if options.latency:
            faults.latency(options.latency)
        for text in options.fault:
            switch_on(faults, text)
        with Emulator(
            options.device or ["grid-16q"],
            token=options.token,
            host=options.host,
            port=options.port,
            realistic=options.realistic,
            gateway=options.gateway,
            device_info=options.device_info,
            seed=options.seed,
            noise=options.noise,
            timing=options.timing,
            faults=faults,
            sse=options.sse,
            sse_timeout=options.sse_timeout,
            sse_job_timeout=options.sse_job_timeout,
        ) as cloud:
            _announce(cloud, options.json)
            while True:
                time.sleep(1.0)  # Windows delivers signals only between waits
    except (OqtopusError, ValueError, TypeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _exit(number: int, frame: Any) -> None:
    """End the process at once: nothing is kept, and a job that runs is not waited for."""
    sys.stdout.flush()
    end_all()
    os._exit(0)


def switch_on(faults: Faults, text: str) -> None:
    """Switch on a fault that is given as ``NAME[,ARGUMENT=VALUE...]``.

    Args:
        faults: Where it is switched on.
        text: For example ``drop,method=POST,path=/jobs/*/submit,when=after`` or
            ``fail_program,which=3``; values are read as JSON if possible, and as texts otherwise.

    Raises:
        ValueError: If there is no such fault, or it has no such argument.

    >>> faults = Faults()
    >>> switch_on(faults, "status,code=429,times=3,retry_after=1")
    >>> faults.active[0].values["code"], faults.active[0].times
    (429, 3)
    """
    name, *parts = text.split(",")
    if name not in FAULTS:
        raise ValueError(f"There is no fault {name!r}; there are {', '.join(FAULTS)}.")
    method = getattr(faults, name)
    known = inspect.signature(method).parameters
    values: dict[str, Any] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or key not in known:
            raise ValueError(
                f"Fault {name!r} has these arguments: {', '.join(known)}; not {part!r}."
            )
        values[key] = _value(value)
    try:
        method(**values)
    except TypeError as error:
        raise ValueError(f"Fault {name!r}: {error}") from error


def _value(text: str) -> Any:
    if text == "inf":
        return float("inf")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _announce(cloud: Emulator, as_json: bool) -> None:
    names = [device.device_id for device in cloud.devices]
    if as_json:
        print(json.dumps({"url": cloud.url, "token": cloud.token, "devices": names}), flush=True)
        return
    print(f"OQTOPUS Cloud emulator with {', '.join(names)}; Ctrl-C stops it.")
    print(f"export OQTOPUS_URL={cloud.url}")
    print(f"export OQTOPUS_API_TOKEN={cloud.token}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qiskit_oqtopus.emulator",
        description="A local OQTOPUS Cloud over real HTTP. Prints its URL and a token.",
    )
    parser.add_argument(
        "--device",
        action="append",
        metavar="DEVICE",
        help=f"an example ({', '.join(EXAMPLES)}) or a JSON file with the facts of a device, not "
        "a backend, which is an object of Python; may be given several times (default: grid-16q)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port (default: a free one)")
    parser.add_argument("--token", help="the token (default: a new one)")
    parser.add_argument(
        "--realistic",
        action="store_true",
        help="the pace of a real server: looks at the queue 10 s apart, and lags",
    )
    parser.add_argument(
        "--gateway",
        choices=["qulacs", "qubex"],
        default="qulacs",
        help="how counts are keyed (default: qulacs)",
    )
    parser.add_argument(
        "--device-info",
        choices=["url", "text", "null"],
        default="url",
        help="how devices give their facts (default: url)",
    )
    parser.add_argument(
        "--noise", action="store_true", help="run programs with the noise of the calibrations"
    )
    parser.add_argument(
        "--timing",
        choices=[GLOBAL_BARRIERS],
        help="with --noise: the time that programs take on a real device",
    )
    parser.add_argument(
        "--sse",
        action="store_true",
        help="run the Python programs of SSE jobs, as processes of yours: whoever has a token can "
        "do what you can",
    )
    parser.add_argument(
        "--sse-timeout",
        type=float,
        default=600.0,
        metavar="S",
        help="seconds that such a program may run (default: 600)",
    )
    parser.add_argument(
        "--sse-job-timeout",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds that each job of such a program may take (default: 60)",
    )
    parser.add_argument("--seed", type=int, help="seed of the counts")
    parser.add_argument("--latency", type=float, metavar="S", help="seconds for each request")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[,ARGUMENT=VALUE...]",
        help="switch on a fault, as in drop,method=POST,path=/jobs/*/submit,when=after; faults: "
        f"{', '.join(FAULTS)}",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
