"""The job type `cwe_links` as both sides know it: its name, phases, input and result. Imports nothing heavy."""

from pydantic import BaseModel, ConfigDict, Field

from wayside_events.contracts.governance import Intake

JOB_TYPE = "cwe_links"
PHASES = ("load", "vectorise", "compare", "propose")


class CweLinksInput(BaseModel):
    """What a job of this type is asked to do; the job's scope is where its suggestions go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    links_per_weakness: int = Field(default=4, ge=1, le=10)
    min_confidence: float = Field(default=0.1, ge=0, le=1)
    subset: int | None = Field(default=None, ge=2, description="Only the first so many weaknesses.")
    chunk_delay_seconds: float = Field(default=0, ge=0, le=10, description="Work more slowly, to be watched.")


class CweLinksResult(BaseModel):
    """What a job of this type found. Whether it is right, others measure: the gold is no input of the inference."""

    model_config = ConfigDict(frozen=True)

    weaknesses: int
    links: int
    outcomes: dict[Intake, int] = Field(description="What became of the proposals.")
    nearest: dict[int, list[int]] = Field(
        description="The numbers of each weakness's ten nearest, nearest first."
    )
