"""How callers of an OpenID Connect provider are known: settings alone."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.live.access import Role  # noqa: TC001  # pydantic reads it


class OidcOptions(BaseModel):
    """Whose tokens are believed.

    Parameters
    ----------
    issuer : str
        What must stand in ``iss``.
    audience : str
        What must stand in ``aud``.
    jwks_url : str or None
        Where the provider's keys are.
    public_key : str or None
        A key in PEM, in place of `jwks_url`.
    role_claim : str
        The claim that names roles: a word or a list.
    roles : dict of str to Role
        What its words mean; the first role that fits counts.
    pseudonym_key : str
        Names of people are replaced by a keyed hash; keep this secret, and the same.
    leeway_s : float
        By how much clocks may differ.
    """

    model_config = ConfigDict(extra="forbid")

    issuer: str
    audience: str
    jwks_url: str | None = None
    public_key: str | None = None
    role_claim: str = "roles"
    roles: dict[str, Role]
    pseudonym_key: str = Field(min_length=16)
    leeway_s: float = 30.0

    @model_validator(mode="after")
    def _one_source(self) -> OidcOptions:
        if (self.jwks_url is None) == (self.public_key is None):
            raise ValueError("give either jwks_url or public_key")
        return self
