"""What a browser shows of a text that may be HTML; knows nothing of models or of Unicode's forms.

HTML is read with the tokeniser of the standard and without its tree. A tree takes the square of the
text's length, or worse: each open `<b 1><b 2>...` is opened again in every paragraph, as the
standard says. What it would move, such as words between the rows of a table, reads the same.
"""

import re
from collections.abc import Iterable, Iterator

from turbohtml import Token, TokenType, tokenize, unescape


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Every element of HTML, also those that are no longer in the standard but still in pages; without
# those of one letter. Source: https://html.spec.whatwg.org/multipage/indices.html#elements-3 and
# https://html.spec.whatwg.org/multipage/obsolete.html#non-conforming-features
_ELEMENTS = _names(
    "abbr acronym address applet area article aside audio base basefont bdi bdo bgsound big blink "
    "blockquote body br button canvas caption center cite code col colgroup data datalist dd del "
    "details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form frame "
    "frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img input ins kbd label legend "
    "li link listing main map mark marquee math menu meta meter nav nobr noembed noframes noscript "
    "object ol optgroup option output param picture plaintext pre progress rb rp rt rtc ruby samp "
    "script search section select slot small source span strike strong style sub summary sup svg "
    "table tbody td template textarea tfoot th thead time title tr track tt ul var video wbr "
    "xmp"
)
# Letters mark text or stand for quantities: "a <b and b> c" is no bold text. A tag of one letter
# has a ">" or an attribute with a value. Names with these prefixes are Word's.
_MARKUP = re.compile(
    r"""<(?:
        !-- | !\[ | !doctype\b | \?(?:xml|php)\b
        | /?(?:[movwx]|st1):[a-z]
        | /?[abipqsu] (?=\s*/?> | \s[^<>]*=)
        | /?([a-z][a-z0-9]+) (?=[\s/>])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
# In a browser a tag that never ends takes all words with it up to the next ">". It was none.
NO_TAG = "&lt;"
NEVER_ENDS = re.compile(r"<(?=[a-zA-Z][^<>=]*(?:<|\Z))")

_TEXT = frozenset({TokenType.TEXT, TokenType.CHARACTER_REFERENCE})
# Elements that stand apart from the words around them: blocks, cells, items, breaks, and pictures.
_APART = _names(
    "address article aside audio blockquote body br button canvas caption center dd details dialog "
    "dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 "
    "head header hgroup hr html iframe img input legend li listing main marquee menu meter nav "
    "object ol optgroup option p plaintext pre progress rt search section select summary svg table "
    "tbody td textarea tfoot th thead tr ul video xmp"
)
# Their contents are for programs, or for a browser that cannot show the element.
_NOT_SHOWN = _names(
    "applet audio canvas datalist iframe noembed noframes noscript object rp script style template "
    "title video"
)
_VOID = _names(
    "area base basefont bgsound br col embed frame hr img input link meta param source track wbr"
)
# Their end tags may be left out: the next one ends the last.
_ENDED_BY_THE_NEXT = _names("dd dt li optgroup option p td th tr")
# A paragraph is ended by these, too. Source: https://html.spec.whatwg.org/#the-p-element
_ENDING_A_PARAGRAPH = _names(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr listing main menu nav ol plaintext pre search "
    "section summary table ul xmp"
)
_HIDING_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE
)


def shown(text: str) -> str:
    """Return what a reader sees: of HTML what a browser shows, else the text, its entities decoded.

    A text is HTML if it has a tag that HTML knows, or a comment or the like. In any other, "<" and
    ">" are the writer's own: "x < y", "<3", "<rant>", "<https://…>".
    """
    if is_html(text):
        return _shown_of_html(text)
    return unescape(text) if "&" in text else text


def is_html(text: str) -> bool:
    """Tell whether there is a tag that HTML knows, or a comment or the like."""
    if "<" not in text:
        return False
    names = (found[1] for found in _MARKUP.finditer(text))
    return any(name is None or name.lower() in _ELEMENTS for name in names)


def _shown_of_html(text: str) -> str:
    tokens = tokenize(NEVER_ENDS.sub(NO_TAG, text))
    return "".join(" " if token is None else token.data or "" for token in visible(tokens))


def visible(tokens: Iterable[Token]) -> Iterator[Token | None]:
    """Give the tokens of the text that a browser shows, and None where something stands apart."""
    hiding, depth = "", 0  # the element that is not shown, and how many of its kind are open
    for token in tokens:
        tag, starts = token.tag, token.type is TokenType.START_TAG
        if hiding and starts and tag is not None and _ends(tag, hiding):
            hiding = ""
        if hiding:
            if tag == hiding:
                depth += 1 if starts else -1
                hiding = hiding if depth else ""
        elif tag is None:
            if token.type in _TEXT:
                yield token
        else:
            if tag in _APART:
                yield None
            if starts and _is_hidden(token, tag):
                hiding, depth = tag, 1


def _ends(tag: str, hiding: str) -> bool:
    if hiding == "p" and tag in _ENDING_A_PARAGRAPH:
        return True
    return tag == hiding in _ENDED_BY_THE_NEXT


def _is_hidden(token: Token, tag: str) -> bool:
    if tag in _VOID:
        return False
    if tag in _NOT_SHOWN or token.attr("hidden") is not None:
        return True
    return _HIDING_STYLE.search(token.attr("style") or "") is not None
