"""Benchmarks: our backend compared with bare Qulacs and other simulators, as ratios of times."""
