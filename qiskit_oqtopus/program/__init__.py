"""Programs: a circuit as the OpenQASM 3 text that is sent, and back."""
