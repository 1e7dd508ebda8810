"""The view of a model: what a browser shows of its versions, release, load, drift and cards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Request, expect

from proto.status_pb2 import ModelVersionStatus
from serving.card import (
    ClassSet,
    ConfidenceBin,
    DataFinding,
    ExplanationQuality,
    FaithfulnessCurve,
    Familiarity,
    Histogram,
    LearningCurve,
    Metric,
    ModelCard,
    Numbers,
    Slice,
    Strangers,
    Variant,
)
from serving.histograms import learn
from tests import stack
from tests.e2e.page.conftest import DESKTOP, PHONE, Visit
from tests.example_bodies import HOUSE
from tests.fake_model_server import FakeModelServer, FakeVersion, Refused
from tests.fake_models import declared_models, declared_version
from tests.fake_over_grpc import listening
from tests.programs import needs
from tests.serving.gateway.releases.asking import MODEL, release, served, write

pytestmark = needs("chromium", package="chromium")

SCRIPT = "<img src=x onerror=document.title='run'>"
INCOMES = np.random.default_rng(0).lognormal(1.2, 0.4, 5_000)
CLASSES = ("cat", "dog", SCRIPT)
POLL_SECONDS = 2  # of what is asked most often
AS_DESCRIBED = "#/housing/model"


def rich(card: ModelCard) -> ModelCard:
    """Make a card that tells all that there may be, in words that must not run."""
    finding = DataFinding(
        name=SCRIPT, severity="warning", count=1, share=0.1, message=f"of {SCRIPT}"
    )
    accuracy = {"accuracy": 0.8, "log_loss": 0.5}
    more: dict[str, Any] = {
        "task": SCRIPT,
        "data_set": card.data_set.model_copy(update={"name": SCRIPT, "findings": [finding]}),
        "metrics": [
            Metric(
                name="accuracy", value=0.90481, unit="1", definition=SCRIPT, standard_error=0.0029
            ),
            Metric(name="interval_coverage_lowest_fifth", value=0.896, unit="1", definition=""),
        ],
        "validation_metrics": [Metric(name="accuracy", value=0.91, unit="1", definition="")],
        "reliability": [
            ConfidenceBin(confidence=0.3, accuracy=0.25, count=10),
            ConfidenceBin(confidence=0.9, accuracy=0.95, count=90),
        ],
        "confusion_matrix": {
            truth: {label: 90 if label == truth else 5 for label in CLASSES} for truth in CLASSES
        },
        "residual_quantiles": {"0.05": -60_000.0, "0.5": 1_761.0, "0.95": 51_670.0},
        "class_sets": [ClassSet(coverage=0.9, measured=0.903, mean_size=1.2)],
        "familiarity": Familiarity(
            method="distance",
            threshold=0.05,
            false_alarms=0.05,
            strangers=[Strangers(name=SCRIPT, count=400, noticed=0.98, auroc=0.99)],
        ),
        "explanation": ExplanationQuality(
            method="occlusion",
            completeness=0.001,
            unit="logit",
            curves=[
                FaithfulnessCurve(
                    name="deletion", shares=[0, 0.5, 1], explained=[1, 0.3, 0], random=[1, 0.6, 0]
                )
            ],
        ),
        "numbers": Numbers(trained=1_500, frozen=288, statistics=0, features=21, answer=1_000),
        "slices": [
            Slice(
                by=by,
                name=name,
                count=1_200,
                metrics={"accuracy": 0.75},
                standard_errors={"accuracy": 0.012},
            )
            for by, name in (("words", SCRIPT), ("words", "above 20"), (SCRIPT, "some"))
        ],
        "probes": [Variant(name="negated", metrics=accuracy)],
        "robustness": [Variant(name="upper case", metrics=accuracy)],
        "ablations": [Variant(name="no dropout", metrics=accuracy)],
        "learning_curves": [
            LearningCurve(name="loss", train=[1, 0.5, 0.3], validation=[0.9, 0.6, 0.5])
        ],
        "hyper_parameters": {SCRIPT: 1},
        "histograms": [
            learn("median_income", INCOMES),
            Histogram(
                quantity="ocean_proximity",
                categories=["INLAND", SCRIPT],
                shares=[0.6, 0.4, 0, 0],
                count=5_000,
            ),
        ],
    }
    return card.model_copy(update=more)


def described() -> FakeModelServer:
    """Serve a model whose versions tell much, little, and nothing."""
    server = declared_models()
    server.models["housing"] = {
        1: declared_version("housing", 1),
        2: declared_version("housing", 2, described=rich),
        3: FakeVersion({}, ModelVersionStatus.LOADING),
        4: FakeVersion(
            {}, ModelVersionStatus.END, Refused(grpc.StatusCode.NOT_FOUND, f"no graph: {SCRIPT}")
        ),
    }
    return server


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """A gateway that was asked for houses of people who earn more than those of the training."""
    with listening(described()) as address, stack.gateway(address) as url:
        stack.wait_until_ready(url)
        # Each several times: of few rows nothing is read.
        for start in [*range(0, 1_280, 128)] * 3:
            houses = [
                {**HOUSE, "median_income": float(income) * 1.5}
                for income in INCOMES[start : start + 128]
            ]
            answer = httpx.post(f"{url}/predict/housing/batch", json={"instances": houses})
            assert answer.is_success, answer.text
        yield url


def section(page: Page, name: str) -> Locator:
    return page.locator(".tab:not([hidden])").get_by_role("region", name=name, exact=True)


def figure(page: Page, title: str) -> Locator:
    caption = page.locator("figcaption").get_by_text(title, exact=True)
    return page.locator("figure").filter(has=caption)


def visit_model(visit: Visit, gateway: str, path: str = AS_DESCRIBED, **more: Any) -> Page:
    page = visit(path, at=gateway, **more)
    expect(section(page, "Card").get_by_role("table").first).to_be_visible()
    return page


def asked(page: Page) -> list[str]:
    """Keep what the page asks of models from now on, by path."""
    paths: list[str] = []

    def keep(request: Request) -> None:
        if "/models/" in request.url:
            paths.append(request.url.partition("/models/")[2])

    page.on("request", keep)
    return paths


def wait_for(page: Page, paths: list[str], wanted: set[str]) -> None:
    """Wait until all of these were asked, and what was answered is shown."""
    for _ in range(600):
        if wanted <= set(paths):
            break
        page.wait_for_timeout(100)
    assert wanted <= set(paths)
    page.wait_for_timeout(500)


def test_versions_are_shown_with_their_states_and_parts(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway)
    versions = section(page, "Versions")

    expect(versions).to_contain_text("Version 2 answers whoever names none.")
    expect(versions.get_by_role("row", name="4 END")).to_contain_text(f"no graph: {SCRIPT}")
    expect(versions.get_by_role("row", name="3 LOADING")).to_be_visible()
    row = versions.get_by_role("row", name="2 AVAILABLE")
    expect(row).to_contain_text("answers")
    expect(row).to_contain_text("accuracy 0.9048")


def test_a_card_is_drawn_as_far_as_it_has_numbers(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway)
    card = section(page, "Card")

    expect(card.get_by_role("row", name="accuracy")).to_contain_text("0.905 ± 0.003")
    expect(figure(page, "Reliability").locator("circle")).to_have_count(2)
    expect(figure(page, "Confusion").locator("tbody td")).to_have_count(9)
    dogs = figure(page, "Confusion").locator("tbody tr").nth(1)
    expect(dogs.locator("th, td")).to_have_text(["dog", "5", "90", "5"])
    expect(figure(page, "Residuals").locator("rect")).to_have_count(1)
    expect(figure(page, "Coverage")).to_contain_text("lowest fifth89.6 %")
    expect(figure(page, "Class sets")).to_contain_text("90 % promised90.3 %")
    expect(figure(page, "Strangers that are noticed")).to_contain_text("98 %")
    expect(figure(page, "Explanations: deletion").locator("polyline")).to_have_count(2)
    expect(card).to_contain_text(
        "1 weights trained, beside 288 frozen ones, 21 numbers in tables before the network, "
        "1,000 in tables after it, trained on"
    )
    by_words = figure(page, "By words")
    expect(by_words.locator(".bar")).to_have_count(3)
    expect(by_words).to_contain_text("all0.905 ± 0.003")
    expect(by_words).to_contain_text("above 200.75 ± 0.01")
    expect(figure(page, "Written to be difficult")).to_contain_text("negated0.8")
    expect(figure(page, "Under rough handling")).to_contain_text("this version0.9048upper case0.8")
    expect(figure(page, "Less one ingredient")).to_contain_text("this version0.91")
    expect(figure(page, "Beside simpler models")).to_have_count(0)

    card.get_by_role("button", name="Version 1", exact=True).click()
    expect(figure(page, "Reliability")).to_have_count(0)
    expect(card).to_contain_text("a stand-in for a test")
    for title in ("Residuals", "Confusion", "Coverage", "Class sets", "By words"):
        expect(figure(page, title)).to_have_count(0)


def test_a_chart_is_a_table_too(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway)
    reliability = figure(page, "Reliability")
    expect(reliability.get_by_role("img", name="Reliability: accuracy")).to_be_visible()

    reliability.get_by_text("As a table").click()

    rows = reliability.get_by_role("row")
    expect(rows).to_have_text(["confidenceaccuracy", "30 %25 %", "90 %95 %"])


def test_script_in_names_is_shown_and_never_run(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway)

    expect(section(page, "Card")).to_contain_text(SCRIPT)
    expect(section(page, "Drift")).to_contain_text(SCRIPT)
    assert page.locator(".about img").count() == 0
    assert page.title() == "housing · tfgate"


def test_drift_is_shown_beside_the_training(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway)
    drift = section(page, "Drift")
    income = figure(page, "median income")

    expect(drift.get_by_role("status")).to_contain_text("Of 2 quantities: 2 drifted.")
    expect(income.locator(".badge")).to_have_text("▲ drifted")
    expect(income).to_contain_text("median_income has drifted, by an index of")
    expect(income).to_contain_text("on 3,840 rows: higher, most of all from")
    expect(income.locator("rect")).to_have_count(10)
    income.get_by_text("As a table").click()
    expect(income.get_by_role("row")).to_have_count(1 + 11)
    expect(income.get_by_role("row").last).to_have_text("(missing)0 %0 %")

    day = drift.get_by_role("button", name="the last day")
    day.focus()
    page.keyboard.press("Enter")
    expect(day).to_have_attribute("aria-pressed", "true")
    expect(income.locator(".badge")).to_have_text("▲ drifted")


def test_of_a_model_that_nobody_has_asked_that_is_said(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway, "#/sentiment/model")

    expect(section(page, "Drift")).to_contain_text("Nothing has been asked yet.")
    expect(section(page, "Load now")).to_contain_text("0 of ")


def test_load_is_shown_as_it_changes(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway, "#/image/model")
    tile = section(page, "Load now").locator("div", has=page.get_by_text("Answered", exact=True))
    expect(tile.last).to_contain_text("0 with an error")

    for _ in range(3):
        assert httpx.post(f"{gateway}/predict/image", json={}).status_code == 422

    expect(tile.last).to_contain_text("3 with an error")
    expect(figure(page, "Latency")).to_contain_text("half of them")


def test_a_release_is_shown_as_it_runs(visit: Visit, tmp_path: Path) -> None:
    tried = f"[models.{MODEL}.shadow]\nversion = 3\npercent = 30"
    file = write(tmp_path, release(1, 2, percent=20, more=tried))
    with (
        listening(served(1, 2)) as address,
        stack.gateway(address, releases=str(file)) as url,
    ):
        stack.wait_until_ready(url)
        page = visit_model(visit, url)
        shown = section(page, "Release")

        expect(shown).to_contain_text("stable 1: 80 %, candidate 2: 20 %")
        expect(shown).to_contain_text("Release running.")
        expect(shown).to_contain_text("Version 3 is the shadow")
        bar = shown.locator(".shares").bounding_box()
        part = shown.locator(".shares > span").bounding_box()
        assert bar is not None
        assert part is not None
        assert part["width"] == pytest.approx(0.2 * bar["width"], abs=1)
        assert httpx.post(f"{url}/predict/{MODEL}", json=HOUSE).is_success
        expect(shown.get_by_role("row", name="requests")).to_contain_text("1")
        row = section(page, "Versions").get_by_role("row", name="2 AVAILABLE")
        expect(row).to_contain_text("candidate")

        # It is looked at again by itself.
        write(tmp_path, release(1, 9, percent=50))
        expect(shown).to_contain_text("Release waiting: version 9, the candidate, is not ready.")
        expect(shown).to_contain_text("candidate 9: 0 %")

        write(tmp_path, "# none\n")
        expect(shown).to_have_count(0)


def test_what_the_guard_says_is_shown_and_what_it_does(visit: Visit, tmp_path: Path) -> None:
    guard = f"[models.{MODEL}.guard]\ndrift = 0.25\nleast_requests = 20\nwindow = '1m'"
    file = write(tmp_path, release(1, 2, percent=50, more=guard))
    with (
        listening(served(1, 2)) as address,
        stack.gateway(address, releases=str(file)) as url,
    ):
        stack.wait_until_ready(url)
        page = visit_model(visit, url)
        shown = section(page, "Release")
        verdict = shown.get_by_role("listitem").filter(has_text="Guard, drift (at most 0.25)")
        expect(verdict).to_contain_text("not judged")

        # In slices of the window, of which it must be broken without any two.
        def is_taken_back() -> bool:
            for _ in range(20):
                assert httpx.post(f"{url}/predict/{MODEL}", json=HOUSE).is_success
            told: str = httpx.get(f"{url}/models/{MODEL}").json()["release"]["state"]
            return told == "taken back"

        stack.wait_until(is_taken_back, "the guard")

        expect(verdict).to_contain_text("▲ broken")
        expect(shown.get_by_role("status")).to_contain_text("Release taken back: drift:")
        expect(shown).to_contain_text("candidate 2: 0 %")
        expect(shown.get_by_role("row", name="mean answer")).to_be_visible()


def test_what_is_open_and_focused_stays_so_across_polls(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway)
    income = figure(page, "median income")
    income.get_by_text("As a table").click()
    card = section(page, "Card").get_by_role("button", name="Version 1", exact=True)
    card.focus()
    page.evaluate("for (const each of document.querySelectorAll('.about *')) each.seen = true")
    paths = asked(page)

    wait_for(page, paths, {"housing", "housing/load", "housing/drift"})

    assert page.evaluate("[...document.querySelectorAll('.about *')].every(({seen}) => seen)")
    expect(income.get_by_role("table")).to_be_visible()
    expect(card).to_be_focused()


def test_nothing_is_asked_while_nobody_looks(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway)
    page.get_by_role("link", name="sentiment").click()
    expect(page.locator(".tab:not([hidden]) h1")).to_have_text("sentiment")
    page.wait_for_timeout(500)
    paths = asked(page)

    page.wait_for_timeout(3_000 * POLL_SECONDS)
    assert [path for path in paths if path.startswith("housing")] == []

    page.go_back()
    wait_for(page, paths, {"housing/load"})


def test_what_goes_wrong_is_said_beside_what_was_told_before(visit: Visit, gateway: str) -> None:
    page = visit_model(visit, gateway)
    load = section(page, "Load now")
    expect(load).to_contain_text("Requests at work")

    page.route("**/load", lambda route: route.abort())
    expect(load).to_contain_text("The gateway does not answer")
    expect(load).to_contain_text("Requests at work")

    page.unroute("**/load")
    expect(load).not_to_contain_text("The gateway does not answer")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_all(visit: Visit, gateway: str, width: int, scheme: str) -> None:
    page = visit_model(visit, gateway, width=width, scheme=scheme)
    expect(figure(page, "median income")).to_be_visible()
    for each in page.get_by_text("As a table").all():
        each.click()
    page.get_by_text("How it was made").first.click()

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
