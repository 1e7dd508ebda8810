"""What each word of a text adds to an answer, found by leaving it out; knows no model.

A version that has it answers, for each word between spaces, with how far the log-odds of its main
answer fall without that word, stretched so that with the base, those of a text without any word,
all add up to the log-odds. Source: M. Zeiler, R. Fergus, "Visualizing and Understanding
Convolutional Networks", ECCV 2014 (occlusion).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from serving.contract import Tensors, TensorSpec
from serving.texts.characters import plain
from serving.texts.contributions import WordContribution

METHOD = "each word left out in turn, stretched to add up"
OUTPUTS = {
    "explained": TensorSpec("string"),  # the main answer
    "base": TensorSpec("float32"),
    "contributions": TensorSpec("float32", (None, None)),  # [batch, word], 0 after the last
}


class WordsExplanation(TypedDict):
    """Which words the answer comes from."""

    label: Annotated[str, Field(description="the answer that contributions speak for")]
    base: Annotated[float, Field(description="its log-odds for a text without words")]
    words: Annotated[
        list[WordContribution],
        Field(description="in their order; with the base they add up to the log-odds"),
    ]
    method: str


def read_words(text: str) -> Iterator[tuple[int, int, str]]:
    """Give the words between spaces, in plain characters, with the places of their characters."""
    for found in re.finditer(r"\S+", text):
        for word in plain(found[0]).split():
            yield found.start(), found.end(), word


def read(text: str) -> bytes:
    """Give the words with single spaces between them, in UTF-8: what such a model is asked."""
    return " ".join(word for _, _, word in read_words(text)).encode()


def explanations(texts: Sequence[str], outputs: Tensors) -> list[WordsExplanation]:
    """Say what each word of each text adds."""
    columns = (outputs[name].tolist() for name in OUTPUTS)
    return [
        {
            "label": label.decode(),
            "base": base,
            "words": [
                {"start": start, "end": end, "text": word, "contribution": round(added, 6)}
                for (start, end, word), added in zip(read_words(text), row, strict=False)
            ],
            "method": METHOD,
        }
        for text, label, base, row in zip(texts, *columns, strict=True)
    ]
