"""Ways to ask: a text, a picture, a house on the map; what comes of it; why."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, Route, expect

from tests.drawings import drawing, file_of
from tests.e2e.page.conftest import Visit
from tests.e2e.page.steps import answer, asked, choose_example, open_tab, shown, text
from tests.programs import needs

pytestmark = needs("chromium", package="chromium")

MINUS = "\N{MINUS SIGN}"
SCRIPT = "<img src=x onerror=document.title='run'><script>document.title='run'</script>"


def picture(folder: Path, name: str = "ship.png", size: tuple[int, int] = (90, 60)) -> Path:
    path = folder / name
    path.write_bytes(file_of(drawing(size=size)))
    return path


def choose_file(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as choosing:
        shown(page).get_by_role("button", name="Choose a picture").click()
    choosing.value.set_files(path)


def test_an_example_fills_the_form_and_is_asked(visit: Visit) -> None:
    page = visit("#/sentiment")

    choose_example(page, "praise")

    expect(text(page)).to_have_value(re.compile("warm, funny film"))
    expect(answer(page).locator(".says")).to_have_text("positive")
    expect(answer(page).get_by_role("listitem").first).to_contain_text(re.compile(r"9\d.* %"))
    expect(answer(page)).to_contain_text("version 1, the stable version")
    expect(answer(page)).to_contain_text(re.compile(r"\d ms until"))


def test_a_script_in_a_text_is_only_a_text(visit: Visit) -> None:
    page = visit("#/sentiment")

    text(page).fill(f"{SCRIPT} warm")

    expect(answer(page)).to_contain_text("positive")
    expect(page).to_have_title("sentiment · tfgate")


def test_a_picture_is_chosen(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/image")

    choose_file(page, picture(tmp_path))

    expect(answer(page).locator(".says")).to_contain_text("class")
    expect(answer(page).locator(".bars > li")).to_have_count(5)
    expect(answer(page)).to_contain_text(re.compile("Right in 90 % (and 95 % )?of cases: class"))
    expect(shown(page).get_by_alt_text("the picture that is asked about")).to_be_visible()


def test_a_script_in_the_name_of_a_file_is_only_a_name(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/image")
    name = "<img src=x onerror=alert(1)>.png"

    choose_file(page, picture(tmp_path, name))

    expect(shown(page).get_by_text(f"{name}, 1 kB")).to_be_visible()
    expect(answer(page).locator(".says")).to_contain_text("class")


def transfer(page: Page, file: Path) -> object:
    """Make what a browser hands over when a file is dropped or pasted."""
    return page.evaluate_handle(
        """(bytes) => {
          const transfer = new DataTransfer();
          const file = new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" });
          transfer.items.add(file);
          return transfer;
        }""",
        list(file.read_bytes()),
    )


def test_a_picture_is_dropped(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/image")
    place = shown(page).locator(".drop")

    place.dispatch_event("drop", {"dataTransfer": transfer(page, picture(tmp_path))})

    expect(place).to_contain_text("dropped.png")
    expect(answer(page).locator(".says")).to_contain_text("class")


def test_a_picture_is_pasted(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/image")
    expect(shown(page).locator(".drop")).to_be_visible()

    page.evaluate(
        "data => dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }))",
        transfer(page, picture(tmp_path)),
    )

    expect(answer(page).locator(".says")).to_contain_text("class")


def test_what_is_no_picture_is_refused_in_words(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/image")
    file = tmp_path / "notes.txt"
    file.write_text(SCRIPT)

    choose_file(page, file)

    expect(answer(page).get_by_role("alert")).to_be_visible()
    expect(page).to_have_title("image · tfgate")


def test_a_picture_is_explained_in_its_place(visit: Visit, tmp_path: Path) -> None:
    page = visit("#/image")

    choose_file(page, picture(tmp_path))

    over = answer(page).locator(".over")
    expect(over).to_have_js_property("complete", True)
    beneath = box(answer(page).locator(".overlaid"))
    square = box(over)
    # The middle square of 90 x 60.
    assert abs(square["width"] - beneath["width"] * 60 / 90) < 1
    assert abs(square["x"] - beneath["x"] - beneath["width"] * 15 / 90) < 1
    first = over.get_attribute("src")
    answer(page).get_by_role("button", name="why", pressed=False).click()
    expect(over).not_to_have_attribute("src", first or "")
    answer(page).get_by_label("map over the picture").uncheck()
    expect(over).not_to_be_visible()


def box(node: Locator) -> dict[str, float]:
    expect(node).to_be_visible()
    measured: dict[str, float] = node.evaluate("node => node.getBoundingClientRect().toJSON()")
    return measured


def test_a_house_is_put_on_the_map(visit: Visit) -> None:
    page = visit("#/housing")
    expect(shown(page).locator(".level").first).to_be_attached()
    urls = asked(page)
    place = shown(page).get_by_role("application")

    place.click(position={"x": 60, "y": 120})

    expect(answer(page).locator(".says")).to_contain_text("$")
    expect(shown(page).get_by_label("longitude")).to_have_value(re.compile(r"-12\d\.\d+"))
    expect(shown(page).get_by_label("latitude")).to_have_value(re.compile(r"3\d\.\d+"))
    expect(shown(page).get_by_label("ocean proximity")).to_have_value(re.compile(".+"))
    # One more for why.
    expect(answer(page).get_by_role("heading", name="Why")).to_be_visible()
    assert len(urls) == 2


def test_what_is_not_said_of_a_house_is_in_the_middle_of_what_was_learned(visit: Visit) -> None:
    page = visit("#/housing")

    expect(shown(page).get_by_label("median income", exact=True)).to_have_value("7.75")
    expect(shown(page).get_by_label("longitude")).to_have_value("")


def test_a_slider_stays_within_what_was_learned_and_a_field_need_not(visit: Visit) -> None:
    page = visit("#/housing")
    choose_example(page, "Fresno")
    slider = shown(page).get_by_label("median income, within what was learned")
    field = shown(page).get_by_label("median income", exact=True)

    slider.press("End")
    expect(field).to_have_value("15")
    expect(answer(page).locator(".warning")).to_have_count(0)
    field.fill("20")
    expect(answer(page).locator(".warning")).to_contain_text("median_income")


def test_a_price_is_taken_apart(visit: Visit) -> None:
    page = visit("#/housing")

    choose_example(page, "Fresno")

    expect(answer(page)).to_contain_text("It lies between $")
    expect(answer(page)).to_contain_text(
        "as 90 % of the prices do in such intervals. That is of all"
    )
    expect(answer(page)).to_contain_text("Such inputs are familiar")
    steps = answer(page).locator(".step")
    expect(steps).to_have_count(9)
    # The fake's: the base is a thousand dollars, 40,000 for 10,000 of income.
    expect(steps.filter(has_text="median income 2.4")).to_contain_text("+ $96,000")
    expect(steps.first).to_contain_text("$1,000")
    said = answer(page).locator(".says").inner_text()
    expect(steps.last).to_contain_text(said)


def test_a_stranger_is_told(visit: Visit) -> None:
    page = visit("#/housing")

    choose_example(page, "out in the Pacific")

    expect(answer(page).locator(".warning").first).to_contain_text(
        "This input is unlike anything the model was trained on"
    )


def test_without_why_nothing_is_explained(visit: Visit) -> None:
    page = visit("#/housing")
    urls = asked(page)
    shown(page).get_by_label("and why").uncheck()

    choose_example(page, "Fresno")

    expect(answer(page).locator(".says")).to_contain_text("$")
    page.wait_for_timeout(500)
    assert [url for url in urls if "explain" in url] == []
    shown(page).get_by_label("and why").check()
    expect(answer(page).get_by_role("heading", name="Why")).to_be_visible()


def test_words_are_marked_where_they_were_sent(visit: Visit) -> None:
    page = visit()
    expect(shown(page)).to_be_visible()
    sent = "A 🙂 <b>warm</b> film, boring cast"
    words = [("warm", 2.0), ("film", 0.1), ("boring", -0.5), ("cast", 0.0)]
    explanation = {
        "label": "positive",
        "base": -0.25,
        "method": "by hand",
        "words": [
            {
                "start": sent.index(word),
                "end": sent.index(word) + len(word),
                "text": word,
                "contribution": contribution,
            }
            for word, contribution in words
        ],
    }
    explained(page, explanation)
    page.goto(page.url.partition("#")[0] + "#/sentiment")

    text(page).fill(sent)

    line = answer(page).locator(".words")
    expect(line).to_have_text(f"A 🙂 <b>warm++</b> film, boring{MINUS} cast")
    expect(line.locator(".for")).to_have_text("warm++")
    expect(line.locator(".against")).to_have_text(f"boring{MINUS}")
    expect(answer(page)).to_contain_text("-0.25 without any word, 1.35 with these")


def explained(page: Page, explanation: dict[str, object]) -> None:
    """Let sentiment be explained, whatever its version can."""

    def with_explain(route: Route) -> None:
        model = route.fetch().json()
        model["signatures"].setdefault("explain", model["signatures"]["serving_default"])
        route.fulfill(json=model)

    def with_explanation(route: Route) -> None:
        url = route.request.url
        answered = route.fetch(url=url.replace("explain=true", "explain=false")).json()
        answered["prediction"]["explanation"] = explanation
        route.fulfill(json=answered)

    page.route(re.compile("/models/sentiment$"), with_explain)
    page.route(re.compile("explain=true"), with_explanation)


def test_a_form_is_cleared(visit: Visit) -> None:
    page = visit("#/housing")
    choose_example(page, "Fresno")
    expect(answer(page)).to_contain_text("$")

    shown(page).get_by_role("button", name="Clear").click()

    expect(shown(page).get_by_label("latitude")).to_have_value("")
    expect(answer(page)).to_contain_text("The answer will stand here.")


def test_what_was_right_is_told(visit: Visit) -> None:
    page = visit("#/sentiment")
    choose_example(page, "praise")
    expect(answer(page)).to_contain_text("positive")

    answer(page).get_by_text("Was it right?").click()
    answer(page).get_by_label("In truth").select_option("negative")
    answer(page).get_by_role("button", name="Tell").click()
    expect(answer(page)).to_contain_text("Thank you: it counts")
    answer(page).get_by_role("button", name="Tell").click()
    expect(answer(page)).to_contain_text("It was told before.")

    open_tab(page, "housing")
    choose_example(page, "Fresno")
    answer(page).get_by_text("Was it right?").click()
    answer(page).get_by_label("In truth").fill("90000")
    answer(page).get_by_role("button", name="Tell").click()
    expect(answer(page)).to_contain_text("Thank you: it counts")
