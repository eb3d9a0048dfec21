"""The secrets of one stack: made on its first start, kept beside its data, readable by the owner only."""

import os
import secrets
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wayside_standalone.errors import NoSecrets, SecretsLost, SecretsUnreadable

NATS_USERS = ("jobs", "governance", "gateway", "runner", "client")
FILE_NAME = "secrets.json"


def new_secret() -> str:
    """256 bits as a word that begins with a letter, which is what NATS reads as a string without quotes."""
    return "s" + secrets.token_hex(32)


class Credentials(BaseModel):
    """Every secret that the parts of a stack share."""

    model_config = ConfigDict(frozen=True)

    jwt_secret: str = Field(default_factory=new_secret)
    superuser_password: str = Field(default_factory=new_secret)
    database_password: str = Field(default_factory=new_secret)
    nats_passwords: dict[str, str] = Field(
        default_factory=lambda: {user: new_secret() for user in NATS_USERS}
    )

    @classmethod
    def load(cls, data_dir: Path) -> Self:
        """Read the secrets of a stack that was started before; raises NoSecrets or SecretsUnreadable."""
        try:
            return cls.model_validate_json((data_dir / FILE_NAME).read_bytes())
        except FileNotFoundError as error:
            raise NoSecrets(data_dir) from error
        except ValidationError:
            # Not as the cause: it repeats what it read, which are secrets.
            raise SecretsUnreadable(data_dir / FILE_NAME) from None

    @classmethod
    def load_or_create(cls, data_dir: Path) -> Self:
        """Read the secrets, or make them on the first start."""
        try:
            return cls.load(data_dir)
        except NoSecrets:
            if (data_dir / "postgres").exists():
                raise SecretsLost(data_dir / FILE_NAME) from None
            created = cls()
            write_private(data_dir / FILE_NAME, created.model_dump_json(indent=2))
            return created

    def nats_environment(self) -> dict[str, str]:
        """The variables that `deploy/nats/permissions.conf` reads."""
        return {f"WAYSIDE_NATS_PASSWORD_{user.upper()}": word for user, word in self.nats_passwords.items()}


def write_private(path: Path, text: str, *, sync: bool = True) -> None:
    """Write a file that only its owner can read, whole or not at all; with `sync` it survives a power failure."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    draft.replace(path)
