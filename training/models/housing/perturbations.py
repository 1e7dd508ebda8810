"""Block groups as callers leave them: without the one value that may be left out."""

from dataclasses import replace

import numpy as np

from training.data.examples import Examples


def hide_bedrooms(examples: Examples) -> Examples:
    """Give the examples as a census would that did not ask for bedrooms."""
    unknown = np.full(len(examples), np.nan, np.float32)
    return replace(examples, inputs={**examples.inputs, "total_bedrooms": unknown})


def perturb(examples: Examples) -> dict[str, Examples]:
    return {"total_bedrooms missing": hide_bedrooms(examples)}
