"""Whatever a release says and whoever asks: one version answers, and the same one each time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from serving.gateway.inference.client import ModelServerClient
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.inference import Inference
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.inference.router import Router
from serving.gateway.releases.notation import Step
from serving.gateway.releases.release import Candidate, Cohort, Release, Shadow
from serving.gateway.releases.running import Running
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext
from tests.fake_model_server import FakeModelServer
from tests.serving.gateway.inference.scripted_call import FixedPoint

MODEL = "housing"
VERSIONS = st.integers(1, 9)
NAMES = st.sampled_from(["alice", "bob", "staff"])
HEADERS = st.dictionaries(st.sampled_from(["X-Beta", "x-team"]), st.tuples(NAMES), max_size=2)
STARTED = datetime(2026, 11, 29, 12, tzinfo=UTC)
PERCENT = st.floats(0, 100)
STEPS = st.lists(
    st.builds(Step, PERCENT, st.timedeltas(timedelta(seconds=1), timedelta(days=2))),
    min_size=1,
    max_size=3,
)


@st.composite
def releases(draw: st.DrawFn) -> Release:
    """Any release that may stand in a file."""
    stable, tried, shadow = draw(st.lists(VERSIONS, min_size=3, max_size=3, unique=True))
    steps = sorted(draw(st.just([]) | STEPS))
    share = {"steps": steps} if steps else {"percent": draw(PERCENT)}
    candidate = Candidate(
        **share,
        version=tried,
        started=STARTED,
        by=draw(st.sampled_from(["release-key", "api-key", "request-id"])),
        keys=tuple(draw(st.lists(NAMES, max_size=2))),
        headers=draw(HEADERS),
        cohorts=draw(st.sampled_from([(), ("staff",)])),
    )
    return Release(
        stable=stable,
        candidate=draw(st.none() | st.just(candidate)),
        shadow=draw(st.none() | st.just(Shadow(version=shadow))),
    )


@st.composite
def contexts(draw: st.DrawFn) -> RequestContext:
    """Any request."""
    headers = {
        name.encode(): value.encode()
        for name, value in draw(
            st.dictionaries(
                st.sampled_from(["x-release-key", "x-beta", "x-team", "accept"]),
                NAMES | st.text(st.characters(codec="ascii"), max_size=9),
            )
        ).items()
    }
    request_id = draw(st.uuids()).hex
    return RequestContext(request_id, "POST", "/", headers, key=draw(st.none() | NAMES))


def same(context: RequestContext) -> RequestContext:
    """The same request, come again."""
    return RequestContext(context.request_id, "POST", "/", dict(context.headers), key=context.key)


REFS = st.one_of(
    st.just(ModelRef(MODEL)),
    st.builds(ModelRef, st.just(MODEL), VERSIONS),
    st.builds(ModelRef, st.just(MODEL), st.none(), st.sampled_from(["stable", "canary"])),
)


@given(
    releases(),
    contexts(),
    REFS,
    st.sets(VERSIONS),
    st.timedeltas(-timedelta(days=1), timedelta(days=9)),
    st.booleans(),
)
def test_one_version_answers_and_who_names_one_is_never_moved(
    release: Release,
    context: RequestContext,
    ref: ModelRef,
    proved: set[int],
    age: timedelta,
    waits: bool,
) -> None:
    metrics.initialise_model(MODEL)
    limit = ConcurrencyLimit(MODEL, max_limit=100)
    router = Router()
    client = ModelServerClient("nowhere", None, FakeModelServer({}).open_channel)
    inference = Inference(None, client, router, limit, FixedPoint(calls=1, rows=1))
    running = Running(MODEL, release, {"staff": Cohort(keys=("bob",))})
    running.hindrance = "it has just been read" if waits else None
    running.tick(STARTED + age)
    router.release(MODEL, running)
    router.prefer(MODEL, proved)

    routed, again = (inference.route(ref, each) for each in (context, same(context)))

    assert routed == again
    if ref != ModelRef(MODEL):
        assert (routed, context.route) == (ref, "pinned")
        return
    candidate = release.candidate.version if release.candidate else None
    assert routed in (ModelRef(MODEL, release.stable), ModelRef(MODEL, candidate))
    assert context.route == ("stable" if routed.version == release.stable else "candidate")
    if waits or candidate not in proved or release.stable not in proved:
        assert routed.version == release.stable
    elif release.candidate is not None and release.candidate.percent_at(STARTED + age) == 100:
        assert routed.version == candidate


def test_nothing_is_tried_while_the_stable_version_is_not_ready() -> None:
    release = Release(stable=1, candidate=Candidate(version=2, percent=100))
    running = Running(MODEL, release, {})
    running.hindrance = None
    running.tick(STARTED)
    running.choose({2})

    assert (running.state, running.reason) == (
        "waiting",
        "version 1, which is to be stable, is not ready",
    )
    assert not running.takes(RequestContext("r", "POST", "/", {}))

    running.choose({1, 2})

    assert running.reason is None
    assert running.takes(RequestContext("r", "POST", "/", {}))
