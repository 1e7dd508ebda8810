"""What a person takes from the page: programs that run, links, and a comparison of versions."""

import json
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from tests import stack
from tests.drawings import drawing, file_of
from tests.e2e.page.conftest import Visit
from tests.e2e.page.steps import answer, ask, asked, choose_example, open_tab, shown, text
from tests.fake_models import declared_models, declared_version
from tests.fake_over_grpc import listening
from tests.programs import needs

pytestmark = needs("chromium", package="chromium")

NASTY = """it's "warm" $(touch run) `touch run` \\ \n %s {0} — naïve 🙂"""


def program(page: Page, language: str) -> str:
    """Copy a program as a person does."""
    summary = shown(page).get_by_text("Use it in a program", exact=True)
    if not shown(page).get_by_role("group", name="Languages").is_visible():
        summary.click()
    shown(page).get_by_role("button", name=language).click()
    shown(page).get_by_role("button", name="Copy", exact=True).click()
    expect(shown(page).get_by_text("Copied.", exact=True)).to_be_visible()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    return copied


def run(command: list[str], folder: Path) -> str:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert not (folder / "run").exists()
    return finished.stdout


def test_a_text_is_asked_by_programs(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/sentiment")
    text(page).fill(NASTY)
    expect(answer(page).locator(".says")).to_have_text("positive")

    line = program(page, "curl")
    told = json.loads(run(["bash", "-c", line], tmp_path))
    assert told["prediction"]["label"] == "positive"
    code = program(page, "Python, requests")
    assert "'label': 'positive'" in run([sys.executable, "-c", code], tmp_path)
    script = program(page, "JavaScript")
    answered = page.evaluate(f"async () => {{ {script.replace('console.log', 'return ')} }}")
    assert answered["prediction"]["label"] == "positive"
    triton = program(page, "Python, tritonclient")
    compile(triton, "copied", "exec")
    assert 'client.infer("sentiment", inputs)' in triton


def test_a_house_is_asked_by_programs_and_why(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/housing")
    choose_example(page, "Fresno")
    shown(page).get_by_label("total bedrooms", exact=True).fill("")

    told = json.loads(run(["bash", "-c", program(page, "curl")], tmp_path))
    assert told["prediction"]["explanation"]["contributions"]
    code = program(page, "Python, requests")
    assert '"total_bedrooms": None' in code
    assert "price_usd" in run([sys.executable, "-c", code], tmp_path)
    triton = program(page, "tritonclient")
    compile(triton, "copied", "exec")
    assert '("total_bedrooms", "FP32", np.array([np.nan], np.float32))' in triton


def test_a_picture_is_asked_by_programs(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/image")
    name = 'it\'s a $(touch run) "ship".png'
    (tmp_path / name).write_bytes(file_of(drawing()))
    with page.expect_file_chooser() as choosing:
        shown(page).get_by_role("button", name="Choose a picture").click()
    choosing.value.set_files(tmp_path / name)
    said = answer(page).locator(".says").inner_text()

    told = json.loads(run(["bash", "-c", program(page, "curl")], tmp_path))
    assert told["prediction"]["label"] == said
    code = program(page, "Python, requests")
    assert f"'label': '{said}'" in run([sys.executable, "-c", code], tmp_path)
    compile(program(page, "tritonclient"), "copied", "exec")


def test_a_generic_model_is_asked_by_programs(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/forest")
    shown(page).get_by_label("kind 0").fill("it's")

    told = json.loads(run(["bash", "-c", program(page, "curl")], tmp_path))
    assert {each["name"] for each in told["outputs"]} == {"score", "leaf"}
    code = program(page, "Python, requests")
    assert "'model_name': 'forest'" in run([sys.executable, "-c", code], tmp_path)
    triton = program(page, "tritonclient")
    assert "np.array([0, 0, 0, 0], np.float32).reshape([1, 4])" in triton


def link(page: Page) -> str:
    shown(page).get_by_role("button", name="Copy a link").click()
    expect(shown(page).get_by_text("Copied: whoever opens it")).to_be_visible()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    return copied


def test_a_link_holds_the_question(visit: Visit) -> None:
    page = visit("#/sentiment")
    text(page).fill(NASTY)
    other = visit("#" + link(page).partition("#")[2])

    expect(text(other)).to_have_value(NASTY)
    expect(answer(other)).to_contain_text("positive")
    # What is typed from then on is not in the address.
    expect(other).to_have_url(re.compile("#/sentiment/try$"))


def test_a_link_holds_a_house_and_a_small_picture(visit: Visit) -> None:
    page = visit("#/housing")
    choose_example(page, "Fresno")
    house = link(page)
    open_tab(page, "image")
    choose_example(page, "ship")
    ship = link(page)

    for address, said in ((house, "$"), (ship, "class")):
        other = visit("#" + address.partition("#")[2])
        expect(answer(other).locator(".says")).to_contain_text(said)


def test_a_link_holds_a_request_and_waits_for_the_button(visit: Visit) -> None:
    page = visit("#/forest")
    shown(page).get_by_label("features 1").fill("2.5")
    other = visit("#" + link(page).partition("#")[2])
    urls = asked(other)

    expect(shown(other).get_by_label("features 1")).to_have_value("2.5")
    other.wait_for_timeout(500)
    assert urls == []
    ask(other)
    expect(answer(other).get_by_role("heading", name="score")).to_be_visible()


def test_what_is_too_large_for_a_link_is_told(visit: Visit) -> None:
    page = visit("#/sentiment")

    text(page).fill("warm " * 2_000)

    expect(shown(page).get_by_text("too large for a link")).to_be_visible()
    expect(shown(page).get_by_role("button", name="Copy a link")).to_be_disabled()


def test_a_broken_link_opens_the_model(visit: Visit) -> None:
    for broken in ("%", "AAAA", "W10", "eyJ0ZXh0IjogMX0", "bnVsbA"):
        page = visit(f"#/sentiment/try?input={broken}")
        expect(text(page)).to_have_value("")
        expect(answer(page)).to_contain_text("The answer will stand here.")


def test_two_versions_are_asked_the_same(visit: Visit) -> None:
    page = visit("#/housing")
    choose_example(page, "Fresno")
    expect(answer(page).locator(".says")).to_have_text("$99,900")

    page.get_by_role("link", name="Compare").locator("visible=true").click()

    # What was entered is asked of both at once.
    sides = shown(page).get_by_role("region", name=re.compile("The .* version"))
    expect(sides.nth(0).locator(".says")).to_have_text("$99,900")
    expect(sides.nth(1).locator(".says")).to_have_text("$100,900")
    expect(sides.nth(1)).to_contain_text("version 1, the version that was asked for")
    expect(shown(page).get_by_text("+ $1,000 (+ 1 %): version 1")).to_be_visible()

    sides.nth(1).get_by_role("combobox").select_option("version 2")
    expect(sides.nth(1).locator(".says")).to_have_text("$99,900")


def test_where_there_is_one_version_none_is_compared(visit: Visit) -> None:
    page = visit("#/sentiment/compare")

    expect(shown(page)).to_contain_text("There is one version of it")


def test_a_version_that_has_come_meanwhile_can_be_compared(visit: Visit) -> None:
    server = declared_models()
    with listening(server) as address, stack.gateway(address) as at:
        stack.wait_until_ready(at)
        page = visit("#/sentiment", at=at)
        text(page).fill("warm")
        expect(answer(page)).to_contain_text("version 1")

        server.models["sentiment"][2] = declared_version("sentiment", 2)
        for number in range(100):
            text(page).fill(f"warm {number}")
            expect(answer(page).locator("[aria-busy=false]")).to_be_visible()
            if "version 2" in answer(page).inner_text():
                break
        shown(page).get_by_role("link", name="Compare").click()

        expect(shown(page).locator(".compared .says")).to_have_text(["positive", "positive"])
        expect(shown(page).get_by_text("Both say positive; + 0.0 points")).to_be_visible()
