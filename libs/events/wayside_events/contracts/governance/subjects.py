"""NATS subjects of the governance service."""

SUBJECT_PREFIX = "wayside.governance.v1."

PROPOSE_SUBJECT = SUBJECT_PREFIX + "propose"
WITHDRAW_SUBJECT = SUBJECT_PREFIX + "withdraw"

WAKE_SUBJECT = "wayside.governance.wake"
