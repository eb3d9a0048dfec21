"""Where the jobs service is asked, and what a message may carry."""

SUBJECT_PREFIX = "wayside.jobs.v1."
REGISTER_SUBJECT = SUBJECT_PREFIX + "register"
BEAT_SUBJECT = SUBJECT_PREFIX + "beat"
CLAIM_SUBJECT = SUBJECT_PREFIX + "claim"
WITHDRAW_SUBJECT = SUBJECT_PREFIX + "withdraw"
REPORT_SUBJECT = SUBJECT_PREFIX + "report"
CREATE_SUBJECT = SUBJECT_PREFIX + "create"
CREATE_MANY_SUBJECT = SUBJECT_PREFIX + "create_many"
GET_SUBJECT = SUBJECT_PREFIX + "get"
CANCEL_SUBJECT = SUBJECT_PREFIX + "cancel"
RETRY_SUBJECT = SUBJECT_PREFIX + "retry"
AWAIT_SUBJECT = SUBJECT_PREFIX + "await"
WAKE_SUBJECT = "wayside.jobs.wake"
PAYLOAD_LIMIT_BYTES = 256 * 1024
"""The largest input, result or partial result, as encoded JSON."""
LOG_MESSAGE_LIMIT = 16_384
LOG_ENTRIES_LIMIT = 1_000


def runner_subject(runner: str) -> str:
    """Return the subject on which the jobs service pushes to one runner."""
    return f"{SUBJECT_PREFIX}runner.{runner}"
