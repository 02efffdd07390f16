"""How the service is set up: by options, environment and a file, in this order."""

from __future__ import annotations

import tomllib
from pathlib import Path  # noqa: TC003  # pydantic reads it
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from api.live.limits import USUAL, checked_rate
from api.live.oidc_options import OidcOptions  # noqa: TC001  # pydantic reads it
from routing.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class ServeSettings(BaseSettings):
    """What can be set; the environment names each with ``BLUELIGHT_`` before it.

    Parameters
    ----------
    store : str
        Path or URL of the event store; it may hold a password, and is not shown.
    host : str
        Address to listen on.
    port : int
        Port; 0 takes a free one.
    no_auth : bool
        Whether everybody who reaches the port is let in as admin; on loopback alone.
    replica : bool
        Whether to read the store that another process writes to.
    rate : str
        How much one caller may ask for.
    stale_after_s : float
        Age from which on a position is not relied on, seconds.
    deadline_s : float
        How long a policy may think, seconds.
    log_level : str
        What is logged.
    jobs : int
        How many plans and simulations run at a time; 0: none.
    jobs_waiting : int
        How many may wait for their turn.
    jobs_time_limit_s : float
        How long each may take, seconds.
    jobs_folder : Path or None
        Where results are kept; else beside the store, if that is a file.
    jobs_cluster : str or None
        Address of a Dask scheduler, whose processes simulate instead.
    oidc : OidcOptions or None
        Whose signed tokens are believed.
    """

    model_config = SettingsConfigDict(
        env_prefix="BLUELIGHT_", env_nested_delimiter="__", extra="forbid"
    )

    store: SecretStr = SecretStr("bluelight.db")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    no_auth: bool = False
    replica: bool = False
    rate: str = USUAL
    stale_after_s: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    deadline_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    jobs: Annotated[int, Field(ge=0, le=64)] = 1
    jobs_waiting: Annotated[int, Field(ge=0, le=500)] = 20
    jobs_time_limit_s: Annotated[float, Field(gt=0, le=2_592_000)] = 86_400.0
    jobs_folder: Path | None = None
    jobs_cluster: str | None = None
    oidc: OidcOptions | None = None

    @field_validator("rate")
    @classmethod
    def _rate(cls, rate: str) -> str:
        return checked_rate(rate)

    @classmethod
    def settings_customise_sources(  # numpydoc ignore=PR01,RT01
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the first before the others."""
        return (
            init_settings,
            env_settings,
            file_secret_settings,
            TomlConfigSettingsSource(settings_cls),
        )


def load_settings(given: Mapping[str, Any], path: Path | None = None) -> ServeSettings:
    """Put the settings together.

    Parameters
    ----------
    given : mapping
        What the command line says; None for what it does not.
    path : Path, optional
        A file of TOML.

    Returns
    -------
    ServeSettings
        The command line counts before the environment, and that before the file.

    Raises
    ------
    InputError
        The file is no TOML, or somebody else's machine would get in without a token.
    """
    if path is not None:
        try:
            tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: {error}", field="--config", fix="write TOML") from error
    sources = {name: value for name, value in given.items() if value is not None}

    class _Settings(ServeSettings):
        model_config = SettingsConfigDict(toml_file=path)

    settings = _Settings(**sources)
    if settings.no_auth and settings.host not in LOOPBACK:
        raise InputError(
            f"--no-auth on {settings.host} would let everybody in",
            field="--no-auth",
            fix="make tokens with 'bluelight token create' instead, or listen on 127.0.0.1",
        )
    return settings


def shown(settings: ServeSettings) -> dict[str, Any]:
    """Show the settings in force, without secrets.

    Parameters
    ----------
    settings : ServeSettings
        The settings.

    Returns
    -------
    dict
        JSON.
    """
    found: dict[str, Any] = settings.model_dump(mode="json", exclude={"oidc"})
    store = settings.store.get_secret_value()
    if "@" in store:
        scheme, _, rest = store.partition("://")
        user, _, host = rest.rpartition("@")
        store = f"{scheme}://{user.partition(':')[0]}:***@{host}"
    found["store"] = store
    if settings.oidc is not None:
        found["oidc"] = settings.oidc.model_dump(mode="json") | {"pseudonym_key": "***"}
    return found
