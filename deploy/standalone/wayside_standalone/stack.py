"""The whole of Wayside on one machine, as an asynchronous context manager."""

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Self

from wayside_service.auth import mint_token
from wayside_standalone import state
from wayside_standalone.credentials import Credentials, write_private
from wayside_standalone.errors import StartFailed
from wayside_standalone.lock import DirectoryLock
from wayside_standalone.logs import LogFile, tail
from wayside_standalone.parts import Parts, StackSettings
from wayside_standalone.process import end_strays, processes_with
from wayside_standalone.server import Server
from wayside_standalone.service import ServiceProgram
from wayside_standalone.state import PartState, StackState
from wayside_standalone.supervisor import CRASH_LOOP, Supervisor, unabandoned

logger = logging.getLogger("wayside.standalone")

MARK = "WAYSIDE_STACK_DIRECTORY"
"""The environment variable by which the next start knows what this one left behind."""

IMPAIRED_SECONDS = 10
"""How long to wait for the gateway when a service behind it has not come up."""


class Stack:
    """PostgreSQL, NATS and the services, supervised, while the context lasts.

        async with Stack(StackSettings(data_dir=path)) as stack:
            print(stack.gateway_url, stack.token(scope_roles={"demo": ["admin"]}, subject="me"))
            await stack.wait()

    Enter it in the main thread: on Linux the children die with the thread that started them. Entering raises
    AlreadyRunning when another process runs a stack on the directory, and StartFailed.
    """

    def __init__(self, settings: StackSettings | None = None) -> None:
        self.settings = settings or StackSettings()
        self.data_dir = self.settings.data_dir.expanduser().absolute()
        self.log_dir = self.data_dir / "logs"
        self._stages: list[list[Supervisor]] = []
        self._open = ExitStack()
        self._stopping = asyncio.Event()
        self._started_at = datetime.now(UTC)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def gateway_url(self) -> str:
        """The one address that frontends need."""
        return self._parts.gateway.url

    @property
    def jobs_url(self) -> str:
        """The jobs service itself."""
        return self._service("jobs").url

    @property
    def governance_url(self) -> str:
        """The governance service itself."""
        return self._service("governance").url

    @property
    def nats_url(self) -> str:
        """NATS, to be used with the name and password of `nats_user`."""
        return self._parts.nats.url

    @property
    def database_url(self) -> str:
        """The database of the services, password included."""
        return self._parts.database_url

    @property
    def parts(self) -> list[Supervisor]:
        """The supervised programs in the order of their start."""
        return [part for stage in self._stages for part in stage]

    def nats_user(self, name: str) -> tuple[str, str]:
        """Name and password of a NATS user: jobs, governance, gateway, runner or client."""
        return name, self._credentials.nats_passwords[name]

    def token(
        self,
        *,
        scope_roles: Mapping[str, Sequence[str]],
        subject: str,
        lifetime: timedelta = timedelta(hours=12),
    ) -> str:
        """A JWT that this stack accepts; `scope_roles` gives the roles in each scope, or in all by `*`."""
        secret = self._credentials.jwt_secret
        return mint_token(secret, subject=subject, grants=scope_roles, lifetime=lifetime)

    def snapshot(self) -> StackState:
        """The state of every part now."""
        parts = [self._part_state(part) for part in self.parts]
        return StackState(pid=os.getpid(), data_dir=self.data_dir, started_at=self._started_at, parts=parts)

    async def wait(self) -> None:
        """Return when somebody calls `request_stop`."""
        await self._stopping.wait()

    def request_stop(self) -> None:
        """Let `wait` return."""
        self._stopping.set()

    def kill(self) -> None:
        """End every process at once; a `stop` under way then has nothing to wait for."""
        for part in self.parts:
            part.kill()

    async def stop(self) -> None:
        """Stop the parts in the reverse order of their start: who asks goes before who answers."""
        for stage in reversed(self._stages):
            await asyncio.gather(*(part.stop() for part in stage))
        self._stages.clear()
        self._open.close()

    async def _start(self) -> None:
        self._take_directory()
        self._credentials = Credentials.load_or_create(self.data_dir)
        parts = self._parts = Parts(self.settings, self.data_dir, self._credentials)
        await self._run_stage([parts.postgres, parts.nats], strict=True)
        await unabandoned(parts.ensure_database)
        complete = await self._run_stage(parts.services, strict=self.settings.strict)
        for service in parts.services:
            service.fix_port()
        seconds = self.settings.ready_seconds if complete else IMPAIRED_SECONDS
        await self._run_stage([parts.gateway], strict=self.settings.strict, seconds=seconds)
        parts.gateway.fix_port()

    def _take_directory(self) -> None:
        for folder in (self.data_dir, self.log_dir, self.data_dir / "run"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open.enter_context(DirectoryLock(self.data_dir))
        self._open.enter_context(logged_to(self.log_dir / "supervisor.log"))
        self._open.callback((self.data_dir / state.FILE_NAME).unlink, missing_ok=True)
        if strays := end_strays(processes_with(MARK, str(self.data_dir))):
            logger.warning("ended what a killed stack had left running: %s", ", ".join(map(str, strays)))

    async def _run_stage(
        self, programs: Sequence[Server | ServiceProgram], *, strict: bool, seconds: float | None = None
    ) -> bool:
        """Start programs side by side and wait for all; returns whether all are ready."""
        stage = [self._supervisor(program) for program in programs]
        self._stages.append(stage)
        for part in stage:
            part.start()
        wait = self.settings.ready_seconds if seconds is None else seconds
        ready = await asyncio.gather(
            *(part.settled(failures=CRASH_LOOP, timeout_seconds=wait) for part in stage)
        )
        late = [part for part, is_ready in zip(stage, ready, strict=True) if not is_ready]
        if late and strict:
            raise StartFailed(late[0].name, late[0].log.path, tail(late[0].log.path))
        return not late

    def _supervisor(self, program: Server | ServiceProgram) -> Supervisor:
        return Supervisor(
            program,
            LogFile(self.log_dir / f"{program.name}.log"),
            environment={MARK: str(self.data_dir)},
            backoff=self.settings.backoff,
            pulse=self.settings.pulse,
            changed=self._write_state,
        )

    def _write_state(self) -> None:
        """Tell other commands; a full disk keeps them from knowing, but nobody from being supervised."""
        text = self.snapshot().model_dump_json(indent=2)
        try:
            write_private(self.data_dir / state.FILE_NAME, text, sync=False)
        except OSError as error:
            logger.warning("what runs could not be written down: %s", error)

    def _part_state(self, part: Supervisor) -> PartState:
        url = part.program.url if part.program.port else None
        return PartState(
            name=part.name,
            status=part.status,
            pid=part.pid,
            url=url,
            restarts=part.restarts,
            log=part.log.path,
        )

    def _service(self, name: str) -> ServiceProgram:
        return next(service for service in self._parts.services if service.name == name)


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Write what the supervisor has to say to a file too, starts and stops included."""
    handler = RotatingFileHandler(path, maxBytes=10_000_000, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()
