"""Pictures of devices and of what was measured on them; they need matplotlib."""

from .comparison import plot_comparison
from .device import draw_device

__all__ = ["draw_device", "plot_comparison"]
