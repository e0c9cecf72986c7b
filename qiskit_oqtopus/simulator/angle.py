"""An angle of a gate that depends on parameters, in a form that pickles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, ParameterExpression

from ..circuits import UNBINDABLE, UnboundError
from ..exceptions import OqtopusError

Angles = NDArray[np.float64]
"""One angle in rad for each set of values, shape (sets,)."""


@dataclass(frozen=True)
class Angle:
    """An angle that depends on parameters.

    Attributes:
        offset: Its value in rad where all parameters are 0.
        slopes: (position of a parameter, derivative) where it is linear in the parameters.
        expression: The expression and the positions of its parameters, where it is not.
    """

    offset: float
    slopes: tuple[tuple[int, float], ...] = ()
    expression: tuple[Any, tuple[tuple[Parameter, int], ...]] | None = None

    def values(self, parameters: NDArray[np.float64]) -> Angles:
        """Return the angle for each set of values, shape (sets,); ``parameters`` is (sets, p).

        Raises:
            UnboundError: If it has no finite value for a set.
        """
        if self.expression is not None:
            formula, names = self.expression
            angles = np.empty(len(parameters))
            for number, row in enumerate(parameters):
                try:
                    angles[number] = float(formula.bind({p: row[i] for p, i in names}))
                except UNBINDABLE as error:
                    raise UnboundError(number, error) from error
        else:
            angles = np.full(len(parameters), self.offset)
            for position, slope in self.slopes:
                angles += slope * parameters[:, position]
        finite = np.isfinite(angles)
        if not finite.all():
            number = int(finite.argmin())
            raise UnboundError(number, f"it is {angles[number]}")
        return angles

    def value(self, parameters: Sequence[Any]) -> float:
        """Return the angle for one set of values, in the order of their positions.

        Raises:
            OqtopusError: If it has no finite value.
        """
        why: Exception | None = None
        angle = math.nan
        if self.expression is None:
            angle = self.offset + sum(slope * parameters[i] for i, slope in self.slopes)
        else:
            formula, names = self.expression
            try:
                angle = float(formula.bind({name: parameters[i] for name, i in names}))
            except UNBINDABLE as error:
                why = error
        if not math.isfinite(angle):
            what = "an angle" if self.expression is None else f"the angle {self.expression[0]}"
            raise OqtopusError(
                f"{what} of a gate in a for_loop has no finite value in one of its iterations "
                f"({why or angle}); change the angle or the values of the loop"
            ) from why
        return angle


def angle_of(value: Any, places: Mapping[Parameter, int]) -> float | Angle:
    """Return an angle of a gate: a number, a linear function of the parameters, or any other.

    Args:
        value: A parameter of a gate.
        places: The position of each parameter among the values that it will be given.
    """
    if not isinstance(value, ParameterExpression) or not value.parameters:
        return float(value)
    names = tuple((parameter, places[parameter]) for parameter in value.parameters)
    if isinstance(value, Parameter):
        return Angle(0.0, ((places[value], 1.0),))
    nonlinear = Angle(0.0, (), (value, names))
    try:
        gradients = [value.gradient(parameter) for parameter, _ in names]
        offset = float(value.bind({parameter: 0.0 for parameter, _ in names}))
    except UNBINDABLE:  # has no derivative, or no value at 0
        return nonlinear
    if any(isinstance(gradient, ParameterExpression) for gradient in gradients):
        return nonlinear
    slopes = [(place, float(g)) for (_, place), g in zip(names, gradients, strict=True)]
    return Angle(offset, tuple(slopes))
