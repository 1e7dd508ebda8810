"""How the forecast of the air is trained: on five years of Beijing's hours."""

from typing import get_args

from training.data.files import DataFile
from training.outputs.acceptance import AcceptanceGate
from training.series.recipe import forecast_recipe
from training.series.table import HourlyFile, Series

from . import AHEAD, COVERAGE, PAST, SERIES, WIND, Direction

PM25 = Series(
    target=SERIES,
    columns={
        SERIES: "pm2.5",
        "dew_point": "DEWP",
        "temperature": "TEMP",
        "pressure": "PRES",
        "wind_speed": "Iws",
        "snow": "Is",
        "rain": "Ir",
        WIND: "cbwd",
    },
    categories={WIND: get_args(Direction)},
    logarithmic=frozenset({SERIES, "wind_speed", "snow", "rain"}),
    past=PAST,
    ahead=AHEAD,
    coverage=COVERAGE,
    unit="µg/m³",
)

BEIJING = HourlyFile(
    name="Beijing PM2.5",
    source='S. Chen, "Beijing PM2.5", UCI Machine Learning Repository, 2015, '
    "doi:10.24432/C5JS49; CC BY 4.0",
    file=DataFile(
        url="https://archive.ics.uci.edu/ml/machine-learning-databases/00381/"
        "PRSA_data_2010.1.1-2014.12.31.csv",
        checksum="sha256:4127f868775e31b3956522adc0ec75af8937dde6a3896e8beed3a376c6d27f1c",
        names=("PRSA_data_2010.1.1-2014.12.31.csv", "beijing_pm25.csv"),
        own="hours of three years or more, in these columns, with NA where a value is missing",
    ),
    series=PM25,
)

RECIPE = forecast_recipe(
    BEIJING,
    told=(1, 6, 12, 24),
    gate=AcceptanceGate("mean_absolute_error", maximum=50),
)
