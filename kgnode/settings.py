"""Every setting, in one typed table.

In: environment variables ``GRIDSPINE_<NAME>`` and, for a home, its ``settings.toml``. Out: one
frozen ``Settings``. A test fails when a field here is missing in docs/settings.md.
"""

from __future__ import annotations

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kgnode.errors import BadSetting


class Settings(BaseSettings):
    """All settings with their defaults and units."""

    model_config = SettingsConfigDict(env_prefix="GRIDSPINE_", frozen=True, extra="ignore")

    # reading
    archive_max_bytes: int = Field(4 << 30, gt=0, description="Unpacked bytes of one input, bytes")
    archive_max_ratio: int = Field(200, gt=1, description="Unpacked over packed size, ratio")
    archive_max_members: int = Field(10_000, gt=0, description="Files in one archive, count")
    archive_max_depth: int = Field(3, ge=0, description="Zips inside zips, levels")

    # queries
    query_timeout_seconds: float = Field(30.0, gt=0, description="Deadline of a query, seconds")
    query_timeout_public_seconds: float = Field(
        10.0, gt=0, description="Deadline of a query of the public role, seconds"
    )
    query_max_rows: int = Field(1_000_000, gt=0, description="Rows of one answer, count")
    query_max_bytes: int = Field(512 << 20, gt=0, description="Bytes of one answer, bytes")
    query_max_text_bytes: int = Field(4 << 20, gt=0, description="Length of a query, bytes")

    # assurance
    validation_timeout_seconds: float = Field(
        600.0, gt=0, description="Deadline of packs that do not come with the product, seconds"
    )
    validation_memory_bytes: int = Field(
        8 << 30, gt=0, description="Memory of packs that do not come with the product, bytes"
    )
    validation_view_seconds: float = Field(
        60.0, gt=0, description="Deadline of validating a caller's own view, seconds"
    )
    validation_kept_bytes: int = Field(
        1 << 30, ge=0, description="Judged data kept for the next difference, bytes; 0 keeps none"
    )

    # mapping sets
    reasoning_seconds: float = Field(
        120.0, gt=0, description="Deadline of the reasoner when a set is released, seconds"
    )

    # views and evaluators
    mappings_build_seconds: float = Field(
        120.0,
        gt=0,
        description="Longest time to add what follows under mappings to a view, seconds",
    )
    view_memory_bytes: int = Field(4 << 30, gt=0, description="All views in memory, bytes")
    view_named_graphs: bool = Field(True, description="Views also hold one graph per model")
    evaluators_per_view: int = Field(2, gt=0, description="Evaluator processes of a view, count")
    evaluators_max_per_view: int = Field(
        8, gt=0, description="Evaluator processes of a view while queries wait, count"
    )
    evaluator_memory_bytes: int = Field(
        2 << 30, gt=0, description="Memory that one query may take beyond its view, bytes"
    )
    evaluator_fork: bool = Field(
        True, description="Fork evaluators from a view host (Linux); off is one process a view"
    )
    view_disk_bytes: int = Field(20 << 30, gt=0, description="All disk views, bytes")
    answer_cache_bytes: int = Field(64 << 20, ge=0, description="Cached answers, bytes; 0 is off")

    # versions
    keep_versions: int = Field(10, gt=0, description="Versions kept of a data set, count")

    # identity
    clock_skew_seconds: int = Field(30, ge=0, description="Tolerated clock difference, seconds")
    token_max_seconds: int = Field(300, gt=0, description="Longest life of a token, seconds")
    members_refresh_seconds: float = Field(
        30.0, gt=0, description="How often the membership document is read again, seconds"
    )

    # misuse
    misuse_bytes_per_hour: int = Field(
        2 << 30, gt=0, description="Bytes to one caller in an hour before an event, bytes"
    )
    misuse_refusals_per_hour: int = Field(
        200, gt=0, description="Refusals of one caller in an hour before an event, count"
    )
    misuse_queries_per_hour: int = Field(
        5_000,
        gt=0,
        description="Queries of one caller in an hour that differ only in constants, count",
    )

    # leases
    lease_seconds: float = Field(
        5.0,
        ge=0,
        le=60,
        description="How long a silent gateway may delay a change, seconds; 0 is off",
    )
    leases_per_member: int = Field(
        256, ge=0, description="Views leased to the gateways of one member, count"
    )

    # federation
    federation_timeout_seconds: float = Field(
        60.0, gt=0, description="Deadline of a federated query, seconds"
    )
    federation_max_triples: int = Field(
        10_000_000, gt=0, description="Triples fetched for one query, count"
    )
    federation_batch_rows: int = Field(
        1000, gt=0, le=1000, description="Rows of one VALUES batch, count"
    )
    federation_small_rows: int = Field(
        1000, ge=0, description="Patterns with fewer matches are fetched whole at once, count"
    )
    federation_summary_seconds: float = Field(
        0.0, ge=0, description="How long a member left out of a plan goes unasked, seconds"
    )
    federation_probe_seconds: float = Field(
        60.0, ge=0, description="How long a plain endpoint's answer to ASK is kept, seconds"
    )
    federation_evaluators: int = Field(
        2, gt=0, description="Evaluator processes of a gateway, count"
    )

    # studies
    studies_per_caller: int = Field(200, gt=0, description="Studies kept of one caller, count")
    studies_days: float = Field(90.0, gt=0, description="How long a study is kept, days")

    # logs and metrics
    metrics_open: bool = Field(False, description="Anybody may read /metrics, not operators alone")
    log_level: str = Field("INFO", description="Least level that is logged")
    log_query_text: bool = Field(False, description="Write query texts to the log")


def load_settings(**overrides: object) -> Settings:
    """Return the settings of this process; ``overrides`` win over the environment.

    Raises:
        BadSetting: a value has the wrong type or is out of range; the message names it.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadSetting(
            f"Setting {name} cannot be used: {first['msg']}.",
            hint=f"Correct GRIDSPINE_{name.upper()}; docs/settings.md lists all settings.",
        ) from error
