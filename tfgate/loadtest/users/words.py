"""The words that invented reviews are made of."""

# fmt: off
WORDS = [
    "the", "a", "this", "that", "film", "story", "plot", "cast", "actor", "actress", "director",
    "scene", "camera", "music", "score", "ending", "beginning", "moment", "hour", "minute",
    "evening", "character", "hero", "villain", "town", "war", "love", "family", "friend", "dog",
    "was", "is", "seemed", "felt", "looked", "became", "remains", "makes", "gives", "takes",
    "keeps", "loses", "finds", "and", "but", "while", "because", "although", "wonderful",
    "moving", "dull", "slow", "brilliant", "wooden", "funny", "sad", "predictable", "fresh",
    "beautiful", "awful", "charming", "boring", "clever", "silly", "quiet", "loud", "honest",
    "empty", "warm", "cold", "best", "worst",
]
# fmt: on
