"""The version of the package, and its only home."""

__version__ = "0.1.0.dev0"
