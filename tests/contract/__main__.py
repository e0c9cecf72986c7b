"""``python -m tests.contract``: let oqtopus-client loose on the emulator."""

import sys

from .command import main

sys.exit(main())
