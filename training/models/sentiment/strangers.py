"""Texts that are no film reviews, and no English: what a version should not find familiar.

Sentences of other languages and of product reviews are our own; programs are those of Python's
standard library, which is wherever this runs.
"""

import inspect
import json
import statistics
import textwrap
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from string import ascii_lowercase

import numpy as np

from serving.contract import Tensors
from serving.models.sentiment import clean
from training.data.examples import Examples

NUM_TEXTS = 300  # of each kind
SENTENCES = (3, 9)  # from and below which a text has
LINES = (5, 30)  # the same, of a program
WORDS = (20, 200)  # the same, of words by chance

LANGUAGES = {
    "German": (
        "Ich habe den ganzen Abend auf den Zug gewartet.",
        "Die Handlung war leider ziemlich langweilig.",
        "Meine Schwester fand das Essen ausgezeichnet und kam gerne wieder.",
        "Wer früh aufsteht, hat mehr vom Tag.",
        "Am Ende wussten wir nicht, ob wir lachen oder weinen sollten.",
        "Das Wetter soll morgen besser werden, sagt der Bericht.",
        "Noch nie habe ich etwas so Schlechtes gesehen!",
        "Der Garten hinter dem Haus ist kleiner als gedacht.",
    ),
    "French": (
        "Nous avons attendu le train toute la soirée.",
        "L'histoire était malheureusement assez ennuyeuse.",
        "Ma sœur a trouvé le repas excellent et veut y retourner.",
        "Le jardin derrière la maison est plus petit que prévu.",
        "À la fin, on ne savait plus s'il fallait rire ou pleurer.",
        "Il fera meilleur demain, d'après la météo.",
        "Je n'ai jamais rien vu d'aussi mauvais !",
        "Les acteurs jouent bien, mais personne ne les écoute.",
    ),
    "Spanish": (
        "Esperamos el tren durante toda la tarde.",
        "La historia era, por desgracia, bastante aburrida.",
        "A mi hermana le pareció excelente la comida y quiere volver.",
        "El jardín de detrás de la casa es más pequeño de lo que pensaba.",
        "Al final no sabíamos si reír o llorar.",
        "Dicen que mañana hará mejor tiempo.",
        "¡Nunca había visto nada tan malo!",
        "Los actores lo hacen bien, pero nadie los escucha.",
    ),
    "Dutch": (
        "We hebben de hele avond op de trein gewacht.",
        "Het verhaal was helaas nogal saai.",
        "Mijn zus vond het eten uitstekend en wil graag nog een keer.",
        "De tuin achter het huis is kleiner dan ik dacht.",
        "Aan het eind wisten we niet of we moesten lachen of huilen.",
        "Morgen wordt het beter weer, zeggen ze.",
        "Zoiets slechts heb ik nog nooit gezien!",
    ),
    "Russian": (
        "Мы весь вечер ждали поезда.",
        "История, к сожалению, оказалась довольно скучной.",
        "Сестре очень понравился ужин, и она хочет вернуться.",
        "Сад за домом меньше, чем я думал.",
        "Под конец мы не знали, смеяться или плакать.",
        "Говорят, завтра погода будет лучше.",
        "Никогда не видел ничего хуже!",
    ),
}
PRODUCTS = (
    "vacuum cleaner",
    "kettle",
    "pair of headphones",
    "backpack",
    "phone case",
    "desk lamp",
    "coffee grinder",
    "rain jacket",
)
# With the product's name, or without.
OF_PRODUCTS = (
    "I bought this {} three months ago to replace an older one.",
    "The {} arrived two days early, and the box was in perfect shape.",
    "The battery lasts about six hours if you keep the brightness low.",
    "The zipper broke after a week of normal use.",
    "Shipping was fast, but the manual is only in German.",
    "It is smaller than it looks in the photos, so measure twice.",
    "Customer service sent me a replacement within a few days.",
    "For the price you cannot ask for more from a {}.",
    "The plastic feels cheap and the buttons are hard to press.",
    "It is easy to clean: just rinse the filter under warm water.",
    "Mine came with a scratch on the lid and a missing screw.",
    "The cable is too short for my kitchen counter.",
    "It fits my laptop, a water bottle and two lunch boxes.",
    "I would order this {} again in a heartbeat, in blue this time.",
    "After the second wash the color had faded and the seams came loose.",
    "Setup took five minutes and it paired with my tablet right away.",
    "Do not waste your money on this {}; get the stainless steel one instead.",
    "It is quiet enough to use while the baby sleeps next door.",
    "The warranty does not cover the charger, which died first.",
    "My husband uses this {} every morning before work.",
    "It leaks when it is tilted, and it smells of rubber when it is hot.",
    "Two stars, because the seller refunded me without any questions.",
    "The straps are padded and the fabric dries within an hour.",
    "Works exactly as described, and the size chart is accurate.",
)
PROGRAMS = (json, statistics, textwrap, tokenize)


def strangers(test: Examples) -> Mapping[str, Tensors]:
    """Give texts by their kind, string[text], cleaned as those of callers are."""
    random = np.random.default_rng(0)
    kinds = {
        **{name: _sentences(each, random) for name, each in LANGUAGES.items()},
        "programs": _programs(random),
        "letters by chance": (_letters(random) for _ in range(NUM_TEXTS)),
        "words of a review in another order": _shuffled(test, random),
        "product reviews": _product_reviews(random),
    }
    return {
        name: {"text": np.array([clean(text).encode() for text in texts], dtype=object)}
        for name, texts in kinds.items()
    }


def _sentences(sentences: Sequence[str], random: np.random.Generator) -> Iterator[str]:
    for _ in range(NUM_TEXTS):
        number = min(int(random.integers(*SENTENCES)), len(sentences))
        yield " ".join(random.choice(sentences, number, replace=False))


def _product_reviews(random: np.random.Generator) -> Iterator[str]:
    for text in _sentences(OF_PRODUCTS, random):
        yield text.replace("{}", str(random.choice(PRODUCTS)))


def _programs(random: np.random.Generator) -> Iterator[str]:
    lines = [
        line
        for module in PROGRAMS
        for line in inspect.getsource(module).splitlines()
        if line.strip()
    ]
    for _ in range(NUM_TEXTS):
        start = int(random.integers(len(lines) - LINES[1]))
        yield "\n".join(lines[start : start + int(random.integers(*LINES))])


def _letters(random: np.random.Generator) -> str:
    lengths = random.integers(1, 12, int(random.integers(*WORDS)))
    return " ".join("".join(random.choice(list(ascii_lowercase), length)) for length in lengths)


def _shuffled(test: Examples, random: np.random.Generator) -> Iterator[str]:
    for row in random.integers(0, len(test), NUM_TEXTS):
        yield " ".join(random.permutation(test.inputs["text"][row].decode().split()))
