"""What a running stack tells other commands: `<data_dir>/stack.json`, readable by the owner only."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from wayside_standalone.errors import NotRunning, UnknownState
from wayside_standalone.lock import holder
from wayside_standalone.supervisor import Status

FILE_NAME = "stack.json"


class PartState(BaseModel):
    """One supervised process; `url` is None until it was ready once."""

    model_config = ConfigDict(frozen=True)

    name: str
    status: Status
    pid: int | None
    url: str | None
    restarts: int
    log: Path


class StackState(BaseModel):
    """A stack: the process that supervises, and the parts in the order of their start."""

    model_config = ConfigDict(frozen=True)

    pid: int
    data_dir: Path
    started_at: datetime
    parts: list[PartState]

    def url(self, name: str) -> str | None:
        """The address of a part."""
        return next((part.url for part in self.parts if part.name == name), None)


def running_state(data_dir: Path) -> StackState:
    """The state of the stack that runs on this directory; raises NotRunning, also for what a killed one left, or UnknownState."""
    if holder(data_dir) is None:
        raise NotRunning(data_dir)
    try:
        return StackState.model_validate_json((data_dir / FILE_NAME).read_bytes())
    except FileNotFoundError as error:
        raise NotRunning(data_dir) from error
    except ValidationError as error:
        raise UnknownState(data_dir / FILE_NAME) from error
