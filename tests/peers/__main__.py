"""``python -m tests.peers``: compare, and write docs/peers.md."""

import sys

from .command import main

sys.exit(main())
