"""The table of transitions, checked pair by pair against what the verbs do."""

from collections.abc import Callable, Mapping

import pytest
from tests.jobs.samples import NOW, OTHER_ID, after, claim, in_status

from wayside_events.jobs import JobStatus, Progress
from wayside_jobs.domain import verbs
from wayside_jobs.domain.creation import Origin, retry
from wayside_jobs.domain.errors import WrongState
from wayside_jobs.domain.facts import LogRow, NewLines
from wayside_jobs.domain.job import Change, Job
from wayside_jobs.domain.logs import LogBounds
from wayside_jobs.domain.states import TERMINAL, TRANSITIONS, Verb
from wayside_jobs.domain.values import Json

LATER = after(3600)
DO: Mapping[Verb, Callable[[Job], Change]] = {
    Verb.CLAIM: lambda job: claim(job, runner="r", token_hash=b"", now=LATER),
    Verb.PROGRESS: lambda job: verbs.progress(job, Progress(percent=1), None, seq=2, now=LATER),
    Verb.LOG: lambda job: verbs.write_log(
        job, NewLines([_line()]), bounds=LogBounds(10, 10_000), seq=2, now=LATER
    ),
    Verb.HEARTBEAT: lambda job: verbs.heartbeat(job, seq=2, now=LATER),
    Verb.COMPLETE: lambda job: verbs.complete(job, result=Json("1"), metrics=None, seq=2, now=LATER),
    Verb.FAIL: lambda job: verbs.fail(job, verbs.LOST, seq=2, draw=0.5, now=LATER),
    Verb.REQUEST_CANCEL: lambda job: verbs.request_cancel(job, requested_by="b", reason=None, now=LATER),
    Verb.ACKNOWLEDGE_CANCEL: lambda job: verbs.acknowledge_cancel(job, seq=2, now=LATER),
    Verb.FORCE_CANCEL: lambda job: verbs.force_cancel(job, now=LATER),
    Verb.LOSE: lambda job: verbs.lose(job, draw=0.5, now=LATER),
    Verb.TIME_OUT: lambda job: verbs.time_out(job, draw=0.5, now=LATER),
    Verb.RELEASE: lambda job: verbs.release(job, seq=2, now=LATER),
    Verb.RETRY: lambda job: retry(job, OTHER_ID, Origin(created_by="ada"), LATER),
    Verb.EXPIRE: lambda job: verbs.expire(job, now=LATER),
}
PAIRS = [(status, verb) for status in JobStatus for verb in Verb]


def _line() -> LogRow:
    return LogRow(0, NOW, "info", "hello", Json("{}"))  # type: ignore[arg-type]


def test_every_verb_is_tried() -> None:
    assert set(DO) == set(Verb)


@pytest.mark.parametrize(("status", "verb"), [pair for pair in PAIRS if pair not in TRANSITIONS])
def test_a_pair_that_is_not_in_the_table_is_refused_with_the_current_state(
    status: JobStatus, verb: Verb
) -> None:
    job = in_status(status)
    with pytest.raises(WrongState) as refused:
        DO[verb](job)
    assert refused.value.current == {"status": status, "revision": job.revision}


@pytest.mark.parametrize(("status", "verb"), [pair for pair in PAIRS if pair in TRANSITIONS])
def test_a_pair_of_the_table_leads_where_the_table_says(status: JobStatus, verb: Verb) -> None:
    job = in_status(status)
    after_it = DO[verb](job).job
    if after_it.id == job.id:
        assert after_it.status in (TRANSITIONS[status, verb] or {status})


def test_three_statuses_are_terminal() -> None:
    assert {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED} == TERMINAL
