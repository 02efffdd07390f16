"""Callers known by somebody else: JSON web tokens of an OpenID Connect provider."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

import jwt
from starlette.exceptions import HTTPException

from api.live.access import Principal

if TYPE_CHECKING:
    from jwt.types import Options

    from api.live.oidc_options import OidcOptions

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Asymmetric ones alone: nobody who can check a token can make one."""


class Oidc:
    """Knows callers by signed tokens; see `api.live.access.Authenticator`.

    Parameters
    ----------
    options : OidcOptions
        Whose tokens are believed.
    """

    may_wait = True

    def __init__(self, options: OidcOptions) -> None:
        self._options = options
        self._keys = (
            None if options.jwks_url is None else jwt.PyJWKClient(options.jwks_url, timeout=3)
        )

    def principal(self, secret: str) -> Principal | None:
        """Return who shows a signed token.

        Parameters
        ----------
        secret : str
            The token.

        Returns
        -------
        Principal or None
            None where it is not one, or is not believed; its name is a pseudonym.

        Raises
        ------
        HTTPException
            503: the provider's keys cannot be had.
        """
        options = self._options
        if secret.count(".") != 2 or len(secret) > 8_000:
            return None
        required: Options = {"require": ["exp", "iss", "aud", "sub"]}
        try:
            claims: dict[str, Any] = jwt.decode(
                secret,
                self._key(secret),
                algorithms=list(_ALGORITHMS),
                audience=options.audience,
                issuer=options.issuer,
                leeway=options.leeway_s,
                options=required,
            )
        except jwt.PyJWKClientConnectionError as error:
            raise HTTPException(
                503, "the provider's keys cannot be had now", {"Retry-After": "5"}
            ) from error
        except (jwt.PyJWTError, ValueError):
            return None
        words = claims.get(options.role_claim, [])
        words = [words] if isinstance(words, str) else words if isinstance(words, list) else []
        for word, role in options.roles.items():
            if word in words:
                return Principal(self._pseudonym(claims["sub"]), role)
        return None

    def _key(self, secret: str) -> Any:
        if self._keys is None:
            return self._options.public_key
        return self._keys.get_signing_key_from_jwt(secret).key

    def _pseudonym(self, subject: str) -> str:
        key = self._options.pseudonym_key.encode()
        return "p-" + hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()[:16]
