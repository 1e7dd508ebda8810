"""A mistake is found on its line, however the file is written."""

import pytest

from serving.gateway.releases import toml_text

SENTIMENT = ("models", "sentiment")


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("[models.sentiment]\nstable = 3\n", (*SENTIMENT, "stable"), 2),
        ("\n\n# x\n[models.sentiment]\nstable = 3", (*SENTIMENT, "stable"), 5),
        ("[models.sentiment]\r\n\r\nstable = 3\r\n", (*SENTIMENT, "stable"), 3),
        ("models.sentiment.stable = 3", (*SENTIMENT, "stable"), 1),
        ("[models]\na = 1\nsentiment.stable = 3", (*SENTIMENT, "stable"), 3),
        ("[models]\nsentiment = {x = 1, stable = 3}", (*SENTIMENT, "stable"), 2),
        # Tables in any order, and one that only its own tables make.
        ("[models.sentiment.guard]\nerrors = 1\n[models.sentiment]\n", (*SENTIMENT, "guard"), 1),
        ("[models.sentiment.guard]\n[a]\n[models.sentiment]\nx=1", (*SENTIMENT, "x"), 4),
        # What is missing is told by what should hold it.
        ("[models.a]\n[models.sentiment]\nx = 1", (*SENTIMENT, "stable"), 2),
        ("x = 1\ny = 2", ("models", "sentiment"), 1),
        ("a = [\n1,\n2,\n]", ("a", 7), 1),
        # Lists of several lines.
        ('a = [\n  "x",\n\n  # ]\n  "y",\n]\nb = 1\n', ("a", 0), 2),
        ('a = [\n  "x",\n\n  # ]\n  "y",\n]\nb = 1\n', ("a", 1), 5),
        ('a = [\n  "x",\n\n  # ]\n  "y",\n]\nb = 1\n', ("b",), 7),
        ('a = [\n  "]]",\n  \'[{"\',\n  "\\"]",\n  5\n]', ("a", 3), 5),
        ('a = [ # b\n  "x", # ]\n  "y",\n]', ("a", 0), 2),
        ("a = [\n[\n1,\n2], [3,\n4\n]]\nb=1", ("a", 1, 1), 5),
        ("a = {b = {c = [\n1,\n2\n]}}", ("a", "b", "c", 1), 3),
        ("a = [{b = 1},\n{b = [\n2]}]", ("a", 1, "b", 0), 3),
        # Texts of several lines.
        ('a = """\n[x\n"""\nb = 1', ("a",), 1),
        ('a = """\n[x\n"""\nb = 1', ("b",), 4),
        ("a = '''\n\"\"\"\n'''\nb = [\n1]", ("b", 0), 5),
        ('a = ["""\n[{\n""",\n5]', ("a", 1), 4),
        ('"a b"."c.d" = 1\n"é" = 2', ("é",), 2),
        ('"a b"."c.d" = 1', ("a b", "c.d"), 1),
        # Signs at which Python breaks lines, and TOML does not.
        ('a = "\u2028\u0085"\nb = 1', ("b",), 2),
    ],
)
def test_a_value_has_its_line(text: str, path: toml_text.Path, line: int) -> None:
    assert toml_text.line_of(text, path) == line


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a = 1\nb = yes\n", 2, "at column 5 of 'b = yes'"),
        # For these, Python would take minutes.
        (f"a = 1\n{'b.' * 100_000}c = 1\n", 2, "more than 16 parts"),
        (f"a = 1\n[[\"b.c\" . {'b . ' * 50_000}'c']]\n", 2, "more than 16 parts"),
        (f'a = """\n\n"""\nb = {{c = 1, {"b." * 100_000}c = 1}}\n', 4, "more than 16 parts"),
        ("a = 1\n\nb 2\n", 3, "Expected '=' after a key"),
        ("a = 1\na = 2\n", 2, "'a = 2'"),
        ("[a]\n[b]\n[a]\n", 3, "'[a]'"),
        ("a = 1\nb = [1,\n2\n\n", 3, "is it half written?"),
        ('a = 1\nb = """\nx\n', 3, "is it half written?"),
        ("a = 1\nb =", 2, "is it half written?"),
        ("a = 1\nb", 2, "Expected '=' after a key"),
        ("a = 1\nb = '\nc = 2\n", 2, "is it half written?"),
        ("a = 1\n\x00\n", 2, "Invalid statement"),
        # Python gives no place for these.
        (f"a = 1\nb = {'9' * 5000}\nc = 1", 2, "more than can be read"),
        (f"a = 1\nb = {'[' * 5000}\nc = 1", 2, "more than can be read"),
        (f"a = 1\nb = {'{a=' * 5000}\nc = 1", 2, "more than can be read"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(toml_text.WrongToml) as caught:
        toml_text.parse(text)

    assert caught.value.line == line
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", [f'"{"b." * 100}"', f"'''\n{'b.' * 100}'''", f"1 # {'b.' * 100}"])
def test_texts_may_have_any_number_of_dots(text: str) -> None:
    assert toml_text.parse(f"a = {text}\n")["a"]


def test_a_name_of_16_parts_and_one_of_any_length_are_read() -> None:
    deep = toml_text.parse(f"{'b.' * 15}c = 1\n{'d' * 200_000} = 2\n")
    assert deep["d" * 200_000] == 2
    for part in "b" * 15:
        deep = deep[part]
    assert deep == {"c": 1}
