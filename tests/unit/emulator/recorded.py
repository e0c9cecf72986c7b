"""Jobs that were run on a real server, with their results there."""

from __future__ import annotations

import json
from pathlib import Path

RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text())


PROGRAMS = {case["name"]: case for case in RECORDED["programs"]}


JOBS = {case["name"]: case for case in RECORDED["jobs"]}
