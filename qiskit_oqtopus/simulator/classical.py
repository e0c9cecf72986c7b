"""Classical expressions: Qiskit's ``expr`` trees as plain tuples, and their evaluation.

The classical memory of a branch is one Python integer (bit i is clbit i of the circuit) and a
tuple of variable values. A lowered expression is a nested tuple that pickles; :func:`evaluator`
turns it into a function ``(bits, variables) -> value``, where values are bool, int or float.
Unsigned integers wrap at the width of their type, as in OpenQASM 3.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.classical import expr, types

from ..circuits import SECONDS_PER_UNIT

Expression = tuple[Any, ...]
Evaluator = Callable[[int, tuple[Any, ...]], Any]


class ExpressionError(ValueError):
    """An expression that the simulator cannot evaluate."""


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "BIT_AND": operator.and_,
    "BIT_OR": operator.or_,
    "BIT_XOR": operator.xor,
    "EQUAL": operator.eq,
    "NOT_EQUAL": operator.ne,
    "LESS": operator.lt,
    "LESS_EQUAL": operator.le,
    "GREATER": operator.gt,
    "GREATER_EQUAL": operator.ge,
    "SHIFT_RIGHT": operator.rshift,
    "ADD": operator.add,
    "SUB": operator.sub,
    "MUL": operator.mul,
}


class Lowering:
    """Turns Qiskit's classical expressions into tuples, for one circuit.

    Args:
        bit_index: Maps a clbit of the scope at hand to its index in the outermost circuit.
        slots: Index of each standalone variable; grows as variables are met.
        dt: Duration of one dt in s, or None where it is not known.
    """

    def __init__(
        self, bit_index: Callable[[Clbit], int], slots: dict[Any, int], dt: float | None
    ) -> None:
        self._bit_index = bit_index
        self._slots = slots
        self._dt = dt

    def slot(self, var: expr.Var) -> int:
        """Return the index of a standalone variable in the tuple of variables."""
        return self._slots.setdefault(var.var, len(self._slots))

    def condition(self, condition: Any) -> Expression:
        """Lower the condition of if_else or while_loop: an expression or a (target, value) pair."""
        if isinstance(condition, expr.Expr):
            return self.lower(condition)
        target, value = condition
        return ("binary", "EQUAL", None, self.target(target), ("value", int(value)))

    def target(self, target: Any) -> Expression:
        """Lower what a switch looks at: an expression, a register or a clbit."""
        if isinstance(target, expr.Expr):
            return self.lower(target)
        if isinstance(target, ClassicalRegister):
            return ("bits", tuple(self._bit_index(bit) for bit in target))
        return ("bits", (self._bit_index(target),))

    def lower(self, node: expr.Expr) -> Expression:
        """Lower an expression.

        Raises:
            ExpressionError: If it has a part that a simulator without timing cannot evaluate.
        """
        if isinstance(node, expr.Value):
            return ("value", self._value(node))
        if isinstance(node, expr.Var):
            if isinstance(node.var, (Clbit, ClassicalRegister)):
                lowered = self.target(node.var)
                return ("cast", "bool", lowered) if isinstance(node.var, Clbit) else lowered
            return ("var", self.slot(node))
        if isinstance(node, expr.Cast):
            return ("cast", _kind(node.type), self.lower(node.operand))
        if isinstance(node, expr.Index):
            width = _width(node.target.type)
            return ("index", self.lower(node.target), self.lower(node.index), width)
        if isinstance(node, expr.Unary):
            return ("unary", node.op.name, _width(node.type), self.lower(node.operand))
        if isinstance(node, expr.Binary):
            left, right = self.lower(node.left), self.lower(node.right)
            return ("binary", node.op.name, _width(node.type), left, right)
        raise ExpressionError(f"the simulator has no value for '{type(node).__name__}' in {node}")

    def store(self, lvalue: expr.Expr) -> Expression:
        """Lower the left side of a store: bits, a variable, or ("index", target, index, width)."""
        if isinstance(lvalue, expr.Index):
            width = _width(lvalue.target.type)
            return ("index", self.store(lvalue.target), self.lower(lvalue.index), width)
        if isinstance(lvalue.var, (Clbit, ClassicalRegister)):
            return self.target(lvalue.var)
        return ("var", self.slot(lvalue))

    def _value(self, node: expr.Value) -> Any:
        if not (hasattr(types, "Duration") and node.type.kind is types.Duration):
            return node.value
        duration = node.value
        unit, amount = duration.unit(), duration.value()
        if unit == "dt":
            if self._dt is None:
                raise ExpressionError("a duration in dt has no value without a Target that has dt")
            return amount * self._dt
        return amount * SECONDS_PER_UNIT[unit]


def _width(kind: Any) -> int | None:
    return kind.width if kind.kind is types.Uint else None


def _kind(kind: Any) -> Any:
    if kind.kind is types.Bool:
        return "bool"
    return kind.width if kind.kind is types.Uint else "float"


def evaluator(expression: Expression) -> Evaluator:
    """Return a function that evaluates a lowered expression.

    >>> register_is_two = ("binary", "EQUAL", None, ("bits", (3, 4)), ("value", 2))
    >>> evaluator(register_is_two)(0b10000, ())
    True
    """
    name, *arguments = expression
    return _EVALUATORS[name](*arguments)


def _evaluate_value(value: Any) -> Evaluator:
    return lambda bits, variables: value


def _evaluate_var(slot: int) -> Evaluator:
    return lambda bits, variables: variables[slot]


def _evaluate_bits(indices: tuple[int, ...]) -> Evaluator:
    if len(indices) == 1:
        (index,) = indices
        return lambda bits, variables: (bits >> index) & 1
    first, mask = indices[0] if indices else 0, (1 << len(indices)) - 1
    if indices == tuple(range(first, first + len(indices))):
        return lambda bits, variables: (bits >> first) & mask
    places = tuple(enumerate(indices))
    return lambda bits, variables: sum(((bits >> index) & 1) << i for i, index in places)


def _evaluate_index(target: Expression, index: Expression, width: int | None) -> Evaluator:
    whole, place = evaluator(target), _place(index, width)
    return lambda bits, variables: bool((whole(bits, variables) >> place(bits, variables)) & 1)


def _place(index: Expression, width: int | None) -> Callable[[int, tuple[Any, ...]], int]:
    """Return a function that evaluates the index of a bit, and refuses a bit that does not exist.

    OpenQASM 3 does not say what such a bit is: any answer would be invented.
    """
    evaluate = evaluator(index)

    def place(bits: int, variables: tuple[Any, ...]) -> int:
        found = int(evaluate(bits, variables))
        if width is not None and found >= width:
            raise IndexError(f"there is no bit {found} in a value of {width} bits")
        return found

    return place


def _evaluate_cast(kind: Any, operand: Expression) -> Evaluator:
    inner = evaluator(operand)
    if kind == "bool":
        return lambda bits, variables: bool(inner(bits, variables))
    if kind == "float":
        return lambda bits, variables: float(inner(bits, variables))
    mask = (1 << kind) - 1
    return lambda bits, variables: int(inner(bits, variables)) & mask


def _evaluate_unary(name: str, width: int | None, operand: Expression) -> Evaluator:
    inner = evaluator(operand)
    if name == "LOGIC_NOT":
        return lambda bits, variables: not inner(bits, variables)
    if name == "NEGATE":
        return lambda bits, variables: -inner(bits, variables)
    if width is None:  # BIT_NOT of a bool
        return lambda bits, variables: not inner(bits, variables)
    mask = (1 << width) - 1
    return lambda bits, variables: ~inner(bits, variables) & mask


def _evaluate_binary(
    name: str, width: int | None, left: Expression, right: Expression
) -> Evaluator:
    a, b = evaluator(left), evaluator(right)
    if name == "LOGIC_AND":
        return lambda bits, variables: bool(a(bits, variables) and b(bits, variables))
    if name == "LOGIC_OR":
        return lambda bits, variables: bool(a(bits, variables) or b(bits, variables))
    if name == "DIV":
        divide = operator.truediv if width is None else operator.floordiv
        return lambda bits, variables: divide(a(bits, variables), b(bits, variables))
    if name == "SHIFT_LEFT":
        return _shift_left(a, b, width or 1)
    function = _BINARY[name]
    if width is None:
        return lambda bits, variables: function(a(bits, variables), b(bits, variables))
    mask = (1 << width) - 1
    return lambda bits, variables: function(a(bits, variables), b(bits, variables)) & mask


def _shift_left(a: Evaluator, b: Evaluator, width: int) -> Evaluator:
    mask = (1 << width) - 1

    def shift(bits: int, variables: tuple[Any, ...]) -> int:
        places: int = b(bits, variables)
        # A shift by more than the width gives 0; Python would build the huge number first.
        return 0 if places >= width else (a(bits, variables) << places) & mask

    return shift


_EVALUATORS: dict[str, Callable[..., Evaluator]] = {
    "value": _evaluate_value,
    "var": _evaluate_var,
    "bits": _evaluate_bits,
    "index": _evaluate_index,
    "cast": _evaluate_cast,
    "unary": _evaluate_unary,
    "binary": _evaluate_binary,
}


def storer(
    target: Expression,
) -> Callable[[int, tuple[Any, ...], Any], tuple[int, tuple[Any, ...]]]:
    """Return a function ``(bits, variables, value) -> (bits, variables)`` that stores a value.

    >>> storer(("bits", (0, 2)))(0b110, (), 1)
    (3, ())
    """
    if target[0] == "bits":
        return _store_bits(target[1])
    if target[0] == "var":
        slot = target[1]
        return lambda bits, variables, value: (
            bits,
            (*variables[:slot], value, *variables[slot + 1 :]),
        )
    _, whole_target, index_expression, width = target
    whole, place = evaluator(whole_target), _place(index_expression, width)
    store = storer(whole_target)

    def store_index(
        bits: int, variables: tuple[Any, ...], value: Any
    ) -> tuple[int, tuple[Any, ...]]:
        old, bit = whole(bits, variables), 1 << place(bits, variables)
        return store(bits, variables, (old & ~bit) | (bit if value else 0))

    return store_index


def _store_bits(
    indices: tuple[int, ...],
) -> Callable[[int, tuple[Any, ...], Any], tuple[int, tuple[Any, ...]]]:
    places = tuple(enumerate(indices))
    clear = ~sum(1 << index for index in indices)

    def store(bits: int, variables: tuple[Any, ...], value: Any) -> tuple[int, tuple[Any, ...]]:
        value = int(value)
        bits &= clear
        for i, index in places:
            bits |= ((value >> i) & 1) << index
        return bits, variables

    return store
