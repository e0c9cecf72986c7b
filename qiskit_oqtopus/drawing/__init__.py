"""Pictures of devices and of what was measured on them; they need matplotlib."""

from .comparison import plot_comparison
from .device import draw_device
from .history import plot_history

__all__ = ["draw_device", "plot_comparison", "plot_history"]
