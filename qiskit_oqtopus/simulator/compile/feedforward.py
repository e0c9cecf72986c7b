"""Conditions that a stabilizer circuit can have: one classical bit, or the parity of several."""

from __future__ import annotations

from typing import NamedTuple

from ..classical import Expression


class Parity(NamedTuple):
    """A sum of classical bits, modulo 2.

    Attributes:
        clbits: The bits.
        constant: What is added to them.
    """

    clbits: frozenset[int]
    constant: int

    def plus(self, clbits: frozenset[int], constant: int) -> Parity:
        """Return the sum of two parities."""
        return Parity(self.clbits ^ clbits, self.constant ^ constant)


def to_parity(expression: Expression) -> Parity | None:
    """Return an expression as the parity that it is true for, or None if it is no parity.

    >>> to_parity(("binary", "BIT_XOR", None, ("bits", (3,)), ("bits", (5,))))
    Parity(clbits=frozenset({3, 5}), constant=0)
    >>> to_parity(("binary", "EQUAL", None, ("bits", (3, 5)), ("value", 1)))
    """
    name, *arguments = expression
    if name == "bits":
        return Parity(frozenset(arguments[0]), 0) if len(arguments[0]) == 1 else None
    if name == "value":
        return Parity(frozenset(), int(arguments[0])) if arguments[0] in (0, 1) else None
    if name == "cast":
        kind, operand = arguments
        return None if kind == "float" else to_parity(operand)
    if name == "index":
        target, place, _ = arguments
        if target[0] == "bits" and place[0] == "value" and 0 <= place[1] < len(target[1]):
            return Parity(frozenset([target[1][place[1]]]), 0)
        return None
    if name == "unary":
        operator, width, operand = arguments
        found = to_parity(operand)
        if found is None or not (operator == "LOGIC_NOT" or width in (None, 1)):
            return None
        return found.plus(frozenset(), 1) if operator in ("LOGIC_NOT", "BIT_NOT") else None
    if name == "binary" and arguments[0] in ("BIT_XOR", "EQUAL", "NOT_EQUAL"):
        left, right = map(to_parity, arguments[2:])
        if left is None or right is None:
            return None
        return left.plus(*right).plus(frozenset(), int(arguments[0] == "EQUAL"))
    return None
