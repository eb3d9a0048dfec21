"""The gateway's settings, read from `WAYSIDE_…` variables."""

from typing import Annotated

from pydantic import Field, field_validator

from wayside_service.settings import ServiceSettings

Seconds = Annotated[float, Field(gt=0)]


class GatewaySettings(ServiceSettings):
    """Where the services are, and how streams are kept.

    `jobs_url` and `governance_url` may name several instances, separated by commas.
    """

    jobs_url: str = "http://127.0.0.1:8081"
    governance_url: str = "http://127.0.0.1:8082"
    upstream_connect_seconds: Seconds = 2.0
    upstream_read_seconds: Seconds = 60.0
    upstream_down_seconds: Seconds = 2.0
    body_limit_bytes: Annotated[int, Field(gt=0)] = 16 * 1024 * 1024

    ping_seconds: Seconds = 15.0
    retry_ms: Annotated[int, Field(gt=0)] = 2_000
    stream_max_age_seconds: Seconds = 3_600.0
    streams_per_subject: Annotated[int, Field(gt=0)] = 100
    drain_seconds: Annotated[float, Field(ge=0)] = 5.0
    end_grace_seconds: Seconds = 10.0

    client_lane_frames: Annotated[int, Field(gt=0)] = 2_000
    client_lane_bytes: Annotated[int, Field(gt=0)] = 4 * 1024 * 1024
    history_frames: Annotated[int, Field(gt=0)] = 1_000
    history_bytes: Annotated[int, Field(gt=0)] = 2 * 1024 * 1024
    feed_linger_seconds: Annotated[float, Field(ge=0)] = 30.0

    @field_validator("jobs_url", "governance_url")
    @classmethod
    def _check_urls(cls, value: str) -> str:
        if not all(url.startswith(("http://", "https://")) for url in urls_of(value)) or not urls_of(value):
            msg = "give http:// or https:// URLs, separated by commas"
            raise ValueError(msg)
        return value


def urls_of(setting: str) -> list[str]:
    """Split a list of URLs."""
    return [url.strip().rstrip("/") for url in setting.split(",") if url.strip()]
