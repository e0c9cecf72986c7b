"""SSE jobs: Python programs that run beside the device, as text; nothing here knows the network."""
