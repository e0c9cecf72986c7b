"""Devices: what a device is, and what it cannot do."""
