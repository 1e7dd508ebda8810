"""The example from newswires to their topics: trained on made-up ones, published, and asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.examples.published import FOLDER, Published, publish, tiny
from tests.in_process import Gateway
from tests.tiny_recipes import write_archive
from training.errors import DataCorrupt
from training.recipes import load_recipes

TOPICS = [f"topic-{number}" for number in range(90)]
MAINS, RARE = TOPICS[:46], TOPICS[46:]
TINY = {"words": 300, "terms": 300, "length": 16, "embedding_units": 8, "filters": 8, "epochs": 3}


def word(topic: str) -> str:
    """Give one of letters alone, since numbers are all alike."""
    letters = str.maketrans("0123456789", "abcdefghij")
    return topic.removeprefix("topic-").translate(letters) + "about"


def newswire(
    topics: Sequence[str], *, part: str = "TRAIN", labelled: str = "YES", body: str = ""
) -> str:
    """Write one in the form of the collection: its words are its topics'."""
    named = "".join(f"<D>{topic}</D>" for topic in topics)
    words = " ".join(map(word, topics))
    return (
        f'<REUTERS TOPICS="{labelled}" LEWISSPLIT="{part}" CGISPLIT="X" OLDID="1" NEWID="1">\n'
        f"<DATE>26-FEB-1987</DATE>\n<TOPICS>{named}</TOPICS>\n<PLACES><D>usa</D></PLACES>\n"
        f"<UNKNOWN>&#5;</UNKNOWN>\n<TEXT>&#2;\n<TITLE>NEWS &lt;{words}></TITLE>\n"
        f"<DATELINE>    SALVADOR, Feb 26 - </DATELINE><BODY>{body}It is {words}\nagain.\n&#3;"
        "</BODY></TEXT>\n</REUTERS>\n"
    )


def collection() -> list[str]:
    """Write fifteen newswires for each frequent topic, and three for each rare one."""
    frequent = [
        newswire(
            [topic, RARE[at % 44]] if number % 5 == 0 else [topic],
            part=part,
            body=f"{number} mln. ",
        )
        for part, numbers in (("TRAIN", range(10)), ("TEST", range(10, 15)))
        for number in numbers
        for at, topic in enumerate(MAINS)
    ]
    rare = [
        newswire([topic], part=part, body=f"{number} dlrs. ")
        for topic in RARE
        for number, part in enumerate(("TRAIN", "TRAIN", "TEST"))
    ]
    left_out = [
        newswire(["topic-0"], labelled="NO"),
        newswire(["topic-1"], part="NOT-USED"),
        newswire([]),
        newswire(["only-here"]),
    ]
    return [*frequent, *rare, *left_out]


def write(folder: Path, newswires: Sequence[str]) -> Path:
    def add_files(add: object) -> None:
        half = len(newswires) // 2
        for number, some in enumerate((newswires[:half], newswires[half:])):
            text = '<!DOCTYPE lewis SYSTEM "lewis.dtd">\n' + "".join(some)
            add(f"reuters21578/reut2-{number:03}.sgm", text.encode("latin-1"))  # type: ignore[operator]
        add("reuters21578/README.txt", b"<REUTERS> is no newswire")  # type: ignore[operator]

    write_archive(folder / "reuters21578.tar.gz", add_files)
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("news_topics")
    return publish("news_topics", tiny("news_topics", TINY), write(folder, collection()), folder)


@pytest.fixture(scope="module")
def gateway(published: Published) -> Iterator[Gateway]:
    with published.asked() as running:
        yield running


def test_newswires_are_read_as_modapte_has_them(tmp_path: Path) -> None:
    strange = newswire(["topic-3", "topic-50", "topic-3"], body="Mr M\xfcller &amp; sons said ")

    data = load_recipes(FOLDER)["news_topics"].load(write(tmp_path, [strange, *collection()]))

    assert set(data.classes[:46]) == set(MAINS)
    assert set(data.classes[46:]) == set(RARE)
    assert len(data.development) == 1 + 46 * 10 + 44 * 2
    assert len(data.test) == 46 * 5 + 44
    first = data.development.inputs["text"][0].decode()
    assert first.startswith("NEWS <dabout faabout dabout> Mr Müller & sons said It is dabout ")
    assert first.endswith("again.")
    ranks = dict(zip(data.classes, data.development.targets[0].tolist(), strict=True))
    assert {name: rank for name, rank in ranks.items() if rank} == {"topic-3": 1, "topic-50": 2}


def test_a_collection_that_lacks_newswires_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, collection()[: 46 * 12])
    with pytest.raises(DataCorrupt, match="instead of 90 and 46: get it again"):
        load_recipes(FOLDER)["news_topics"].load(folder)
    (folder / "reuters21578.tar.gz").write_bytes(b"not packed")
    with pytest.raises(DataCorrupt, match="no whole archive"):
        load_recipes(FOLDER)["news_topics"].load(folder)


def test_the_card_says_how_good_it_is_with_and_without_a_network(published: Published) -> None:
    card = published.card
    figures = {metric.name: metric.value for metric in card.metrics}
    assert {"accuracy", "micro_f1", "macro_f1"} <= figures.keys()
    [baseline] = card.baselines
    # Each topic has a word of its own.
    assert min(figures["micro_f1"], baseline.metrics["micro_f1"]) > 0.9
    assert {each.quantity for each in card.histograms} >= {"text.words", "answer.label"}
    assert (published.folder / "assets.extra" / "tf_serving_warmup_requests").is_file()
    report = published.options.reports
    assert report is not None
    page = (report / "news_topics" / "1" / "report.html").read_text()
    assert "micro f1" in page


def test_topics_are_named_by_the_gateway(gateway: Gateway) -> None:
    answer = gateway.client.post("/predict/news_topics", json={"text": "News: habout rose."})

    assert answer.status_code == 200, answer.text
    prediction = answer.json()["prediction"]
    assert prediction["label"] == "topic-7"
    assert len(prediction["probabilities"]) == 5
    assert max(prediction["probabilities"].values()) == prediction["confidence"]
    for label in prediction["labels"]:
        assert label["score"] >= label["threshold"]


def test_a_text_of_nothing_is_refused(gateway: Gateway) -> None:
    for text in ("", "\u200b"):
        answer = gateway.client.post("/predict/news_topics", json={"text": text})
        assert answer.status_code == 422
        assert "text" in answer.text
