"""What a running gateway says of a release: whether a version can take it, and how it stands."""

import time
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

from serving.gateway.releases.release import Release
from tfgate.ask import CannotAsk, Gateway, NoGateway, ask
from tfgate.release.edits import CannotRelease
from tfgate.release.standing import Standing

FOLLOW_SECONDS = 10
_ASK_SECONDS = 5
_POLL_SECONDS = 0.2
_COMING = {"START", "LOADING"}

Description = dict[str, Any]
"""What GET /models/{model} answers."""


class NotFollowed(Exception):
    """The file is written, and the gateway does not do as it says."""


def describe(gateway: Gateway, model: str) -> Description:
    """Ask what a gateway knows of a model.

    Raises:
        WrongGateway: the URL or the key can be none.
        CannotAsk: the gateway is away, or does not know the model.
    """
    path = f"/models/{quote(model, safe='')}"
    try:
        return ask(gateway, "GET", path, "versions", timeout=_ASK_SECONDS)
    except NoGateway:
        raise
    except CannotAsk as error:
        models = ask(gateway, "GET", "/models", "models", timeout=_ASK_SECONDS)["models"]
        near = get_close_matches(model, [each["name"] for each in models])
        meant = f" Is it {' or '.join(near)}?" if near else ""
        message = f"{error}{meant}"
        raise CannotAsk(message) from error


def check_version(described: Description, version: int) -> Iterator[str]:
    """See that a version can take a share; give what is to be said if it only will.

    Raises:
        CannotRelease: it cannot, and will not by itself.
    """
    model = described["name"]
    there = {each["version"]: each for each in described["versions"]}
    if version not in there:
        numbers = ", ".join(str(each) for each in sorted(there)) or "none"
        message = (
            f"the model server has no version {version} of {model}: there are {numbers}. If it "
            "lies in the repository and is not loaded, let the model server's policy keep it; "
            "--offline writes the release all the same."
        )
        raise CannotRelease(message)
    found = there[version]
    named = f"version {version} of {model}"
    if found["state"] in _COMING:
        yield f"{named} is {found['state']}: its share begins when it is ready"
    elif found["state"] != "AVAILABLE":
        why = found["error"] or "the model server has unloaded it, by its policy or its folder"
        message = f"{named} is {found['state']}: {why}. Mend that, or choose another version."
        raise CannotRelease(message)
    elif found["unready"]:
        message = f"{named} cannot answer: {found['unready']}. Train or export it anew."
        raise CannotRelease(message)


def stable_now(described: Description, candidate: int) -> int:
    """Return the version that is to answer the others, of a model which has no release yet.

    It is the one that answers all now; if that is the one to be tried, since versions get traffic
    when they are published, the newest of the others.

    Raises:
        CannotRelease: there is none.
    """
    model, now = described["name"], described["version"]
    if now not in {None, candidate}:
        return int(now)
    others = [
        int(each["version"])
        for each in described["versions"]
        if each["version"] != candidate and each["state"] == "AVAILABLE" and not each["unready"]
    ]
    if not others:
        message = f"no other version of {model} than {candidate} can answer, so none can be stable."
        raise CannotRelease(message)
    return max(others)


def wait_until_followed(gateway: Gateway, model: str, release: Release) -> Standing:
    """Wait until a gateway does as the file says; return how the release stands.

    One that still waits for a version at the end of the time follows too: it says what for.

    Raises:
        NoGateway: there is none.
        CannotAsk: it refuses the question.
        NotFollowed: it goes on with something else.
    """
    deadline = time.monotonic() + FOLLOW_SECONDS
    while True:
        standing = standing_of(describe(gateway, model))
        follows = standing is not None and standing.follows(release)
        is_late = time.monotonic() > deadline
        if standing is not None and follows and (is_late or not standing.waits):
            return standing
        if is_late:
            message = (
                f"the file is written, but the gateway at {gateway.url} does not follow it after "
                f"{FOLLOW_SECONDS} seconds. Does it read this very file, as TFGATE_RELEASES? "
                f"Its log and {gateway.url}/readyz say what it thinks of it."
            )
            raise NotFollowed(message)
        time.sleep(_POLL_SECONDS)


def standing_of(described: Description) -> Standing | None:
    """Return how the model's release stands; None if the gateway knows of none."""
    release = described.get("release")
    return None if release is None else Standing(release)
