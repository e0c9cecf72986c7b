"""What pytest leaves alone: programs of their own, some for other interpreters."""

collect_ignore = ["peers", "contract", "benchmarks"]
