"""What pytest leaves alone, and how hypothesis searches."""

import os

from hypothesis import settings

# Programs of their own, some for other interpreters.
collect_ignore = ["peers", "contract", "benchmarks"]

# The suite tries the same examples each time, whatever the speed of the machine; to look for new
# ones: HYPOTHESIS_PROFILE=explore.
settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
