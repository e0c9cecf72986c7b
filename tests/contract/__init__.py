"""The official oqtopus-client, unmodified and in an environment of its own, on our emulator."""
