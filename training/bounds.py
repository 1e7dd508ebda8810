"""What hyper-parameters can be, as types of their fields; an option outside of them is refused."""

from typing import Annotated

from annotated_types import Ge, Gt, Lt

AtLeastOne = Annotated[int, Ge(1)]
AtLeastZero = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Lt(1)]
