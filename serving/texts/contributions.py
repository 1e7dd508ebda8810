"""What a word of a text adds to an answer, as every explanation of a text says it."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict


class WordContribution(TypedDict):
    """What one word adds to the log-odds, or takes from them."""

    start: Annotated[
        int,
        Field(
            ge=0,
            description="where it begins in the text as it was sent, in characters (code points)",
        ),
    ]
    end: Annotated[int, Field(ge=0, description="where the character after it is")]
    text: Annotated[str, Field(description="the word as the model reads it")]
    contribution: Annotated[
        float, Field(description="natural log-odds; above 0, it speaks for the label")
    ]
