"""Benchmarks: our backend against bare Qulacs and other simulators, as ratios of times."""
