"""Settings every service shares, read from `WAYSIDE_…` variables; only a service's `__main__` does the reading."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LogFormat = Literal["json", "console", "auto"]
LogLevel = Literal["debug", "info", "warning", "error"]
Port = Annotated[int, Field(ge=0, le=65_535)]

MIN_SECRET_BYTES = 32
"""RFC 7518 §3.2: an HS256 key is at least as long as the hash."""


class ServiceSettings(BaseSettings):
    """What any service needs: where it listens, how it logs, whose tokens it accepts, which NATS it joins.

    Port 0 means any free port; the chosen one is then written to `port_file`.
    """

    model_config = SettingsConfigDict(env_prefix="WAYSIDE_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: Port = 0
    port_file: Path | None = None
    shutdown_timeout_seconds: float = 10.0

    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"

    jwt_secret: SecretStr | None = None
    jwt_public_key: str | None = None
    jwt_jwks_url: str | None = None
    jwt_issuer: str = "wayside"
    jwt_audience: str = "wayside"

    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str | None = None
    nats_password: SecretStr | None = None

    otel_endpoint: str | None = None

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if sum(key is not None for key in (self.jwt_secret, self.jwt_public_key, self.jwt_jwks_url)) != 1:
            msg = "set exactly one of jwt_secret, jwt_public_key, jwt_jwks_url"
            raise ValueError(msg)
        if self.jwt_secret and len(self.jwt_secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            msg = f"jwt_secret is shorter than {MIN_SECRET_BYTES} bytes"
            raise ValueError(msg)
        return self


class DatabaseSettings(ServiceSettings):
    """What a service with its own PostgreSQL schema needs besides."""

    database_url: SecretStr
    database_pool_size: Annotated[int, Field(ge=1)] = 10
    database_command_timeout_seconds: float = 30.0
    database_acquire_timeout_seconds: float = 5.0
