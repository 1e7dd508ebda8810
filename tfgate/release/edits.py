"""What each command makes of a model's part of the release file; knows no text and no gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from serving.gateway.releases.notation import step
from serving.gateway.releases.release import Candidate, Release, Shadow

# A model's part of the file, as TOML has it.
Part = Mapping[str, Any]

# Written with a new candidate. Each rule compares with the stable version over the same time, so
# these hold for any model; what only its owner can know (disagreement, accuracy) is left to them. A
# population stability index above 0.25 is commonly read as a major shift (N. Siddiqi, "Credit Risk
# Scorecards", Wiley 2006).
GUARD = {
    "window": "5m",
    "least_requests": 100,
    "errors": 0.01,
    "p99_ratio": 1.5,
    "drift": 0.25,
}


class CannotRelease(Exception):
    """What was asked does not go with the file, or with what the gateway serves."""


@dataclass(frozen=True)
class Start:
    """What `start` is to write of a candidate; what is None stays, or is left out."""

    version: int
    started: datetime
    percent: float | None = None
    steps: Sequence[str] | None = None
    by: str | None = None
    cohorts: Sequence[str] | None = None
    compare: float | None = None
    guard: bool | None = None


def start(model: str, part: Part, wanted: Start) -> Part:
    """Try a version on a share of the traffic, or give the one that is tried another share.

    Raises:
        CannotRelease: another is being tried, or no share is given.
    """
    if wanted.percent is not None and wanted.steps is not None:
        message = "either --percent or --steps, not both."
        raise CannotRelease(message)
    before = part.get("candidate")
    if before is not None and before["version"] != wanted.version:
        message = f"version {before['version']} of {model} is the candidate: "
        raise CannotRelease(message + f"first {_commands(model, 'promote', 'rollback')}.")
    _refuse_stable(model, part, wanted.version, "candidate")
    candidate = {**(before or {"version": wanted.version})}
    if wanted.percent is not None or wanted.steps is not None:
        candidate.pop("percent", None)
        candidate.pop("steps", None)
    given = {
        "percent": _plain(wanted.percent),
        "steps": None if wanted.steps is None else list(wanted.steps),
        "by": wanted.by,
        "cohorts": None if wanted.cohorts is None else list(wanted.cohorts),
        "compare": _plain(wanted.compare),
    }
    candidate |= {key: value for key, value in given.items() if value is not None}
    if not candidate.keys() & {"percent", "steps", "cohorts", "keys", "headers"}:
        message = "say who is to get it: --percent 5, --steps 1%/10m,10%/30m,50%/1h, or --cohort."
        raise CannotRelease(message)
    candidate["started"] = wanted.started
    is_guarded = wanted.guard if wanted.guard is not None else before is None or "guard" in part
    guard = {"guard": part.get("guard", GUARD)} if is_guarded else {}
    return {**_without(part, "guard"), "candidate": candidate, **guard}


def shadow(model: str, part: Part, version: int, percent: float | None) -> Part:
    """Ask a version copies of a share of the requests, without ever answering with it.

    Raises:
        CannotRelease: it is the stable version.
    """
    _refuse_stable(model, part, version, "shadow")
    before = part.get("shadow", {})
    share = {} if percent is None else {"percent": _plain(percent)}
    return {**part, "shadow": {**before, "version": version, **share}}


def stop_shadow(model: str, part: Part) -> Part:
    """Ask no copies any more.

    Raises:
        CannotRelease: there is no shadow.
    """
    if "shadow" not in part:
        message = f"{model} has no shadow."
        raise CannotRelease(message)
    return _without(part, "shadow")


def promote(model: str, part: Part) -> Part:
    """Let the candidate answer all, and remember which version did before.

    Raises:
        CannotRelease: there is no candidate.
    """
    if "candidate" not in part:
        message = f"{model} has no candidate to promote: first tfgate release start {model} VERSION"
        raise CannotRelease(f"{message} --percent 5.")
    stable = {"stable": part["candidate"]["version"], "previous": part["stable"]}
    return _with_stable({**part, **stable})


def roll_back(model: str, part: Part) -> Part:
    """Take the candidate's share away; without one, let the version before a promotion answer.

    Raises:
        CannotRelease: there is neither.
    """
    if "candidate" in part:
        return _without(part, "candidate", "guard")
    if "previous" not in part:
        message = f"{model} has no candidate, and no version before the stable one is known: "
        raise CannotRelease(f"{message}there is nothing to go back to.")
    return _with_stable({**_without(part, "previous"), "stable": part["previous"]})


def now() -> datetime:
    """Return the time as a release file has it: in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def split_steps(text: str | None) -> list[str] | None:
    """Read steps as they are typed, 1%/10m,10%/30m.

    Raises:
        CannotRelease: one is none.
    """
    if text is None:
        return None
    steps = [each.strip() for each in text.split(",")]
    try:
        for each in steps:
            step(each)
    except ValueError as error:
        message = f"--steps: {error}."
        raise CannotRelease(message) from error
    return steps


def told(before: Release | None, after: Release) -> str:
    """Say in words what a change changes."""
    changes = []
    if before is None or before.stable != after.stable:
        was = "" if before is None else f", where it was {before.stable}"
        changes.append(f"stable is version {after.stable}{was}")
    was_tried = before.candidate if before else None
    if was_tried is None or was_tried.version != after.stable:
        changes += _told_role("candidate", was_tried, after.candidate)
    changes += _told_role("shadow", before.shadow if before else None, after.shadow)
    if after.guard is not None and (before is None or before.guard != after.guard):
        changes.append(f"guard: {rules(after)}")
    elif after.candidate is not None and after.guard is None and before and before.guard:
        changes.append("no guard any more")
    return "; ".join(changes) or "nothing that counts"


def _told_role(
    role: str, old: Candidate | Shadow | None, new: Candidate | Shadow | None
) -> Sequence[str]:
    if old == new:
        return ()
    if new is None:
        return [f"version {old.version if old else ''} is no {role} any more"]
    was = "" if old is None else f", after {share(old)}"
    return [f"{role} is version {new.version} with {share(new)}{was}"]


def share(of: Candidate | Shadow) -> str:
    """Say who gets a version."""
    named = [f"cohort {name}" for name in getattr(of, "cohorts", ())]
    if getattr(of, "keys", ()) or getattr(of, "headers", ()):
        named.append("callers that it names")
    steps = getattr(of, "steps", ())
    if steps:
        named.insert(0, ", ".join(f"{each.percent:g} % for {lasts(each.lasts)}" for each in steps))
    elif of.percent is not None:
        named.insert(0, f"{of.percent:g} %")
    return " and ".join(named) or "0 %"


def lasts(duration: Any) -> str:
    """Write a duration as the file does."""
    seconds = duration.total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def rules(release: Release) -> str:
    """List the rules of a guard with their limits."""
    if release.guard is None:
        return ""
    limits = release.guard.model_dump(exclude_none=True, exclude={"window", "least_requests"})
    given = release.guard.model_fields_set
    return ", ".join(f"{rule} {limit:g}" for rule, limit in limits.items() if rule in given)


def _refuse_stable(model: str, part: Part, version: int, role: str) -> None:
    if part["stable"] == version:
        message = f"version {version} of {model} is the stable one, so it cannot be the {role}. "
        remedy = "If another is to go on answering meanwhile, name it with --stable."
        raise CannotRelease(message + remedy)


def _with_stable(part: Part) -> Part:
    """Leave out what has done its work when another version is the stable one."""
    done = ["candidate", "guard"]
    if part.get("shadow", {}).get("version") == part["stable"]:
        done.append("shadow")
    return _without(part, *done)


def _without(part: Part, *names: str) -> Part:
    return {key: value for key, value in part.items() if key not in names}


def _plain(percent: float | None) -> float | None:
    """Write 5 rather than 5.0."""
    return int(percent) if percent is not None and percent.is_integer() else percent


def _commands(model: str, *names: str) -> str:
    return " or ".join(f"tfgate release {name} {model}" for name in names)
