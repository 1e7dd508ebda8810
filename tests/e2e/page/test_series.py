"""A model of what goes on over time: its curves and series are drawn, in the answer and in why."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import expect

from serving.contract import Tensors
from tests.e2e.page.conftest import DESKTOP, Visit
from tests.e2e.page.examples import example
from tests.e2e.page.steps import answer, check_access, choose_example
from tests.programs import needs

pytestmark = needs("chromium", package="chromium")


def forecast(inputs: Tensors) -> Tensors:
    hours = np.tile(np.arange(24, dtype=np.float32), (len(inputs["pm25"]), 1))
    return {"forecast": hours + 50, "forecast_low": hours + 40, "forecast_high": hours + 70}


def explain(inputs: Tensors) -> Tensors:
    rows = len(inputs["pm25"])
    added = np.tile(np.linspace(-2, 2, 72, dtype=np.float32), (rows, 1))
    base = np.full(rows, 61.25, np.float32)
    return {**forecast(inputs), "base": base, "own": added, "others": -added}


@pytest.fixture(scope="module")
def air_quality(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, hours = tmp_path_factory.mktemp("typed"), ("forecast", "forecast_low", "forecast_high")
    with example("air_quality", folder, hours, forecast, explain) as url:
        yield url


def test_a_forecast_and_what_each_hour_adds_are_drawn(visit: Visit, air_quality: str) -> None:
    page = visit("#/air_quality", at=air_quality)
    choose_example(page, "its own example")

    drawn = answer(page).get_by_role("img", name="forecast: pm25 by hours ahead")
    expect(drawn).to_be_visible()
    why = answer(page).get_by_role("region", name="Why")
    expect(why.get_by_role("img", name="pm25, by place")).to_be_visible()
    expect(why.get_by_role("img", name="weather, by place")).to_be_visible()
    expect(why.get_by_role("row", name="base")).to_contain_text("61.25")
    check_access(page, DESKTOP)

    why.get_by_text("As a table: pm25").click()
    expect(why.get_by_role("row", name="72 2", exact=True)).to_be_visible()
