"""Everything that can stop a training, as one family; each message says what to do next.

TrainingError
├── Misuse
│   ├── UnknownRecipe   no recipe of that name
│   └── WrongOption     an option or a hyper-parameter that cannot be
├── DataNotFound        the data set is neither on disk nor within reach
├── DataCorrupt         a file of the data set is not what it should be
├── DataUnfit           nothing can be learned from the data as they are
├── NotWritable         a folder that a training writes to cannot be written to
├── Diverged            the loss did not stay a number
├── BelowGate           the trained model is not good enough to be served
└── ExportRefused       the exported version is not what `serving/models` declares
"""


class TrainingError(Exception):
    """Any failure that a training reports to the person who started it."""


class Misuse(TrainingError):
    """What was typed asks for nothing that there is."""


class UnknownRecipe(Misuse):
    """There is no recipe of that name."""


class WrongOption(Misuse):
    """An option, or the value of a hyper-parameter, cannot be."""


class DataNotFound(TrainingError):
    """The data set is neither on disk nor within reach."""


class DataCorrupt(TrainingError):
    """A file of the data set is not what it should be."""


class DataUnfit(TrainingError):
    """Nothing can be learned from the data as they are."""


class NotWritable(TrainingError):
    """A folder that a training writes to cannot be written to."""


class Diverged(TrainingError):
    """The loss did not stay a number."""


class BelowGate(TrainingError):
    """The trained model is not good enough to be served."""


class ExportRefused(TrainingError):
    """The exported version is not what `serving/models` declares, or does not answer as trained."""
