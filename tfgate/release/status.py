"""The table of `tfgate release status`: what the file wants, and what a gateway makes of it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from rich.table import Column, Table

from serving.gateway.releases.release import Candidate, Release
from tfgate.release.edits import rules, share
from tfgate.release.following import Description, standing_of

# Of a version: its role, number, share by the file, and what is to be known besides.
_Row = tuple[str, str, str, str]


def status_table(releases: Mapping[str, Release], described: Mapping[str, Description]) -> Table:
    """Show each model's versions by their roles, with the gateway's word where there is one."""
    table = Table("model", "role", Column("version", justify="right"), "share, by the file")
    if described:
        table.add_column("at the gateway")
    for model, release in sorted(releases.items()):
        for number, row in enumerate(_rows(release, described.get(model))):
            table.add_row("" if number else model, *row[: len(table.columns) - 1])
        table.add_section()
    return table


def _rows(release: Release, described: Description | None) -> Iterator[_Row]:
    standing = None if described is None else standing_of(described)

    def seen(role: str, *said: str) -> str:
        return "\n".join(filter(None, [*said, standing.figures(role) if standing else ""]))

    yield "stable", str(release.stable), "", seen("stable", _state(described, release.stable))
    candidate = release.candidate
    if candidate is not None:
        told = standing.told if standing else "not followed" if described else ""
        yield "candidate", str(candidate.version), _share_now(candidate), seen("candidate", told)
    if release.guard is not None:
        yield "guard", "", rules(release), standing.verdicts if standing else ""
    if release.shadow is not None:
        version = release.shadow.version
        yield "shadow", str(version), share(release.shadow), _state(described, version)
    if release.previous is not None:
        yield "previous", str(release.previous), "", _state(described, release.previous)


def _share_now(candidate: Candidate) -> str:
    if not candidate.steps:
        return share(candidate)
    stage = candidate.stage_at(datetime.now(UTC))
    until = f" until {stage.until:%Y-%m-%d %H:%M:%S} UTC" if stage.until else ""
    return f"{stage.percent:g} % now{until}\nof {share(candidate)}"


def _state(described: Description | None, version: int) -> str:
    """Say how the model server has a version, or why it gets nothing."""
    if described is None:
        return ""
    for each in described["versions"]:
        if each["version"] == version:
            return str(each["unready"] or each["error"] or each["state"])
    return "not there"
