"""Engines: from a plan to outcomes."""
