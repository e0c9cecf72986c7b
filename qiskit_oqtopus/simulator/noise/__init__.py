"""Noise: from the calibration of a device to channels."""
