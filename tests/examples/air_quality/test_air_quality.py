"""The example that forecasts the air: trained on made-up hours, published, and asked."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples.published import FOLDER, Published, publish, tiny
from tests.in_process import Gateway
from training.data.examples import Examples
from training.errors import DataCorrupt, DataUnfit
from training.experiments.folds import folds
from training.recipes import load_recipes
from training.series.table import Series

TINY = {"units": 8, "batch_size": 32, "epochs": 2}
HEADER = "No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir"
DAYS = 14  # of each year
GAP = range(100, 103)  # hours of each year that lack the particles
WEATHER = ("dew_point", "temperature", "pressure", "wind_speed", "snow", "rain")


def write(folder: Path, years: range = range(2011, 2015)) -> Path:
    """Write hours whose particles rise and fall by the day, in the form of the published file."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    with (folder / "beijing_pm25.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER.split(","))
        for year in years:
            for row in range(DAYS * 24):
                day, hour = divmod(row, 24)
                particles = round(100 + 60 * np.cos(hour / 24 * 2 * np.pi) + random.normal(0, 5))
                weather = [-20, round(-5 + random.normal()), 1020, random.choice(["NW", "cv"])]
                value = "NA" if row in GAP else particles
                writer.writerow([row + 1, year, 1, day + 1, hour, value, *weather, 1.79, 0, 0])
    return folder


def hours(value: float = 80.0) -> list[float | None]:
    return [value] * 72


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("air_quality")
    return publish("air_quality", tiny("air_quality", TINY), write(folder / "data"), folder)


@pytest.fixture(scope="module")
def gateway(published: Published) -> Iterator[Gateway]:
    with published.asked() as running:
        yield running


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Examples, Examples]:
    """Those to develop on, and those of the test part."""
    data = load_recipes(FOLDER)["air_quality"].load(write(tmp_path_factory.mktemp("hours")))
    return data.development, data.test


def test_windows_lie_within_one_year_each_and_gaps_stay_gaps(
    examples: tuple[Examples, Examples],
) -> None:
    development, test = examples
    windows_a_year = DAYS * 24 - (72 + 24) + 1

    assert len(development) == 3 * windows_a_year
    assert len(test) == windows_a_year
    first = test.take(np.array([GAP.start - 72]))
    assert first.inputs["pm25"].shape == (1, 72)
    assert not np.isnan(first.inputs["pm25"]).any()
    # The next 24 hours begin with the gap.
    assert np.flatnonzero(np.isnan(first.targets[0])).tolist() == [0, 1, 2]


def test_years_are_divided_and_no_hour_is_on_both_sides(
    examples: tuple[Examples, Examples],
) -> None:
    development, test = examples
    splits = load_recipes(FOLDER)["air_quality"].split(development)

    years = [set((np.array(part.groups) // 4).tolist())
             for part in (splits.train, splits.validation, test)]  # fmt: skip
    assert years == [{2011, 2012}, {2013}, {2014}]


def test_folds_keep_spans_of_time_together(tmp_path: Path) -> None:
    data = load_recipes(FOLDER)["air_quality"].load(write(tmp_path))

    for splits in folds(data, 3, has_classes=False):
        train, held_out = np.array(splits.train.groups), np.array(splits.validation.groups)
        assert not np.isin(held_out, train).any()


def test_a_file_of_too_few_years_or_other_columns_is_refused(tmp_path: Path) -> None:
    recipe = load_recipes(FOLDER)["air_quality"]
    with pytest.raises(DataUnfit, match="a training needs three years"):
        recipe.load(write(tmp_path, range(2014, 2015)))
    (tmp_path / "beijing_pm25.csv").write_text("year,month,day,hour,pm25\n2014,1,1,0,80\n")
    with pytest.raises(DataCorrupt, match=r"there is no column pm2\.5"):
        recipe.load(tmp_path)


def test_what_is_below_zero_is_not_forecast(tmp_path: Path) -> None:
    file = write(tmp_path) / "beijing_pm25.csv"
    file.write_text(file.read_text().replace(",NA,", ",-5,", 1))
    with pytest.raises(DataUnfit, match=r"-5 in the column pm2\.5: what is forecast must not be"):
        load_recipes(FOLDER)["air_quality"].load(tmp_path)
    columns = {"temperature": "TEMP"}
    with pytest.raises(ValueError, match="temperature is forecast, and must be one of"):
        Series("temperature", columns, 72, 24, 0.9, "°C", logarithmic=frozenset())


def test_the_card_has_figures_by_the_hour_beside_persistence(published: Published) -> None:
    card = published.card
    figures = {metric.name: metric.value for metric in card.metrics}
    told = {f"mean_absolute_error_at_{hour}" for hour in (1, 6, 12, 24)}

    assert told <= figures.keys()
    assert 0 < figures["interval_coverage_lowest_hour"] <= figures["interval_coverage_highest_hour"]
    # On the part that it was calibrated on, an hour lacks nothing of what is promised: what is
    # served sees of its inputs what the network saw of them.
    held_out = {metric.name: metric.value for metric in card.validation_metrics}
    assert held_out["interval_coverage_lowest_hour"] >= 0.9
    assert [each.name for each in card.baselines] == ["persistence"]
    assert told <= card.baselines[0].metrics.keys()
    assert {each.name for each in card.robustness} == {
        "none of the other series sent",
        "a quarter of the hours missing",
    }
    assert {each.quantity for each in card.histograms} >= {"pm25.last", "pm25.missing"}
    assert card.explanation is not None
    assert card.input_statistics["pm25"].missing == 2 * len(GAP)
    assert (published.folder / "assets.extra" / "tf_serving_warmup_requests").is_file()


def test_the_report_draws_errors_by_the_hour_and_some_forecasts(published: Published) -> None:
    assert published.options.reports is not None
    report = published.options.reports / "air_quality" / "1"

    assert (report / "by-hour-ahead.png").is_file()
    assert (report / "some-forecasts.png").is_file()
    assert "By the hour ahead" in (report / "report.html").read_text()


def test_24_hours_are_forecast_with_their_intervals(gateway: Gateway) -> None:
    values = hours()
    values[10:20] = [None] * 10

    answer = gateway.client.post("/predict/air_quality", json={"pm25": values})

    assert answer.status_code == 200, answer.text
    prediction = answer.json()["prediction"]
    assert [each["hours_ahead"] for each in prediction["forecast"]] == list(range(1, 25))
    for hour in prediction["forecast"]:
        assert 0 <= hour["low"] <= hour["pm25"] <= hour["high"]
    assert prediction["coverage"] == 0.9
    assert prediction["warnings"] == []


def test_the_weather_counts_if_it_is_sent(gateway: Gateway) -> None:
    weather = dict.fromkeys(WEATHER, [1.0] * 72) | {"pressure": [1020.0] * 72}
    bodies: list[dict[str, Any]] = [
        {"pm25": hours()},
        {"pm25": hours(), **weather, "wind_direction": ["NW", None] * 36},
        {"pm25": hours(), **dict.fromkeys((*WEATHER, "wind_direction"))},
    ]

    one, other, nulls = (
        gateway.client.post("/predict/air_quality", json=body).json()["prediction"]["forecast"]
        for body in bodies
    )

    assert one != other
    assert one == nulls


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"pm25": hours()[1:]}, "pm25", "72"),
        ({"pm25": [None] * 72}, "pm25", "must have a value that is not null"),
        ({"pm25": hours(-1)}, "pm25", "greater than or equal to 0"),
        ({"pm25": hours(), "rain": [0] * 24}, "rain", "72"),
        ({"pm25": hours(), "wind_direction": ["S"] * 72}, "wind_direction", "'NE'"),
        ({"pm25": hours(), "hour": 3}, "hour", "is no field"),
    ],
)
def test_what_is_no_three_days_is_refused(
    gateway: Gateway, body: dict[str, Any], field: str, said: str
) -> None:
    answer = gateway.client.post("/predict/air_quality", json=body)

    assert answer.status_code == 422
    assert field in answer.text
    assert said in answer.text


def test_a_value_above_all_in_training_is_warned_of(gateway: Gateway) -> None:
    answer = gateway.client.post("/predict/air_quality", json={"pm25": hours(1500)})

    [warning] = answer.json()["prediction"]["warnings"]
    assert warning["field"] == "pm25"
    assert warning["message"].startswith("pm25 reaches 1500; the highest value in training was ")


def test_what_the_hours_add_sums_up_to_the_mean_of_the_forecast(gateway: Gateway) -> None:
    values = hours(60)
    values[-3:] = [None] * 3
    body = {"pm25": values, "temperature": [20.0] * 72}

    answer = gateway.client.post("/predict/air_quality?explain=true", json=body)

    assert answer.status_code == 200, answer.text
    prediction = answer.json()["prediction"]
    why = prediction["explanation"]
    mean = np.mean([each["pm25"] for each in prediction["forecast"]])
    assert why["base"] + sum(why["pm25"]) + sum(why["weather"]) == pytest.approx(mean, abs=1)
    assert np.argmax(np.abs(why["pm25"])) == 72 - 4  # the last that is known
    assert any(why["weather"])


def test_many_are_asked_at_once(gateway: Gateway) -> None:
    instances = [{"pm25": hours(value)} for value in (10, 200)]

    answer = gateway.client.post("/predict/air_quality/batch", json={"instances": instances})

    assert answer.status_code == 200, answer.text
    low, high = (each["forecast"][0]["pm25"] for each in answer.json()["predictions"])
    assert low < high
