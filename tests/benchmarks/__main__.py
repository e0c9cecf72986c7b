"""``python -m tests.benchmarks [w1 w2 ...]``: time the workloads and print a table of ratios."""

import os
import sys

# OpenMP and Qulacs read these once, when they are loaded: before anything else is imported.
for variable in ("OMP_NUM_THREADS", "QULACS_NUM_THREADS"):
    if os.environ.setdefault(variable, "1") != "1":
        sys.exit(
            f"{variable} is {os.environ[variable]!r}: with several threads on shared cores the "
            f"times say more about the neighbours than about the code. Unset it, or set it to 1."
        )

from .command import main  # noqa: E402

main()
