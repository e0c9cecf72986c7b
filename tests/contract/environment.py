"""The second environment, which is made once with pip."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

CLIENT = "oqtopus-client==1.3.0"
"""It needs urllib3 below 2.1, and must not bind our own environment to that."""

_SCRIPT = Path(__file__).with_name("official.py")


class ClientEnvironment:
    """An environment with the official client and nothing of ours.

    Args:
        directory: Where it is, or will be made.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()
        self._python = self._directory / "bin" / "python"
        self._stamp = self._directory / "requirements.txt"

    def create(self) -> None:
        """Make the environment, unless it is there and complete."""
        stamp = f"{CLIENT}\n# Python {sys.version_info[:2]}\n"
        if self._stamp.exists() and self._stamp.read_text() == stamp:
            return
        shutil.rmtree(self._directory, ignore_errors=True)
        # Our own pip installs into it: Debian's Python has no ensurepip for a second one.
        venv.create(self._directory, symlinks=True, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(self._python), "install", "--quiet"]
        subprocess.run([*pip, CLIENT], check=True, env=self._variables({}))
        self._stamp.write_text(stamp)

    def run(self, url: str, token: str, device: str) -> dict[str, Any]:
        """Run all calls, and return the result of each, by name."""
        account = {"OQTOPUS_URL": url, "OQTOPUS_API_TOKEN": token}
        finished = subprocess.run(
            [self._python, _SCRIPT, device],
            env=self._variables(account),
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if finished.returncode:
            raise RuntimeError(f"{_SCRIPT.name} failed:\n{finished.stderr}")
        found: dict[str, Any] = json.loads(finished.stdout)
        return found

    @staticmethod
    def _variables(changes: dict[str, str]) -> dict[str, str]:
        """Return our environment variables, without those that change modules or accounts."""
        drop = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in drop and not name.startswith("OQTOPUS_")
        }
        return {**kept, "NO_PROXY": "127.0.0.1", **changes}
