"""Everything that can stop a training, as one family; each message says what to do next.

TrainingError
├── UnknownRecipe   no recipe of that name
├── DataNotFound    the data set is neither on disk nor within reach
├── DataCorrupt     a file of the data set is not what it should be
├── BelowGate       the trained model is not good enough to be served
└── ExportRefused   the exported version is not what `serving/models` declares
"""


class TrainingError(Exception):
    """Any failure that a training reports to the person who started it."""


class UnknownRecipe(TrainingError):
    """There is no recipe of that name."""


class DataNotFound(TrainingError):
    """The data set is neither on disk nor within reach."""


class DataCorrupt(TrainingError):
    """A file of the data set is not what it should be."""


class BelowGate(TrainingError):
    """The trained model is not good enough to be served."""


class ExportRefused(TrainingError):
    """The exported version is not what `serving/models` declares, or does not answer as trained."""
