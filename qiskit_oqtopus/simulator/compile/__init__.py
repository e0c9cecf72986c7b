"""From a circuit to a plan."""
