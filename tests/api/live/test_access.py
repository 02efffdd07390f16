"""Who is let in, and to what: every path, every role."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi.testclient import TestClient
from pydantic import ValidationError

from api.app import create_app
from api.live.access import Access, Principal, Role
from api.live.limits import Limits
from api.live.oidc import Oidc
from api.live.oidc_options import OidcOptions
from api.live.settings import load_settings, shown
from api.live.tokens import PREFIX, Tokens
from routing.errors import InputError
from tests.command_line import refused, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from api.live.service import Live
    from api.live.store import Store

OPEN = {"/", "/healthz", "/readyz", "/openapi.json"}
LOOK = set(Role)
REPORT = {Role.DISPATCHER, Role.ADMIN, Role.SERVICE}
DECIDE = {Role.DISPATCHER, Role.ADMIN}
ASK = {Role.DISPATCHER, Role.PLANNER, Role.ADMIN, Role.SERVICE}
PLAN = {Role.PLANNER, Role.ADMIN}
MAY = {
    ("GET", "/metrics"): {Role.ADMIN, Role.SERVICE},
    ("GET", "/v1/audit"): {Role.ADMIN},
    ("GET", "/v1/closures"): LOOK,
    ("GET", "/v1/coverage"): LOOK,
    ("GET", "/v1/hospitals"): LOOK,
    ("GET", "/v1/incidents"): LOOK,
    ("GET", "/v1/incidents/{incident}"): LOOK,
    ("GET", "/v1/state"): LOOK,
    ("GET", "/v1/stream"): LOOK,
    ("GET", "/v1/units"): LOOK,
    ("GET", "/v1/units/{unit}"): LOOK,
    ("POST", "/v1/matrix"): LOOK,
    ("POST", "/v1/route"): LOOK,
    ("POST", "/v1/isochrones"): LOOK,
    ("GET", "/osrm/table/v1/{profile}/{coordinates}"): LOOK,
    ("GET", "/osrm/route/v1/{profile}/{coordinates}"): LOOK,
    ("GET", "/osrm/nearest/v1/{profile}/{coordinates}"): LOOK,
    ("POST", "/ors/v2/matrix/{profile}"): LOOK,
    ("POST", "/ors/v2/matrix/{profile}/json"): LOOK,
    ("POST", "/ors/v2/directions/{profile}"): LOOK,
    ("POST", "/ors/v2/directions/{profile}/json"): LOOK,
    ("POST", "/ors/v2/directions/{profile}/geojson"): LOOK,
    ("POST", "/ors/v2/isochrones/{profile}"): LOOK,
    ("POST", "/ors/v2/isochrones/{profile}/geojson"): LOOK,
    ("POST", "/v1/recommendations"): ASK,
    ("POST", "/v1/assignments"): ASK,
    ("POST", "/v1/moves"): ASK,
    ("POST", "/v1/incidents"): REPORT,
    ("PATCH", "/v1/incidents/{incident}"): REPORT,
    ("POST", "/v1/incidents/{incident}/close"): REPORT,
    ("POST", "/v1/incidents/{incident}/recommendation"): REPORT,
    ("POST", "/v1/incidents/{incident}/assignments"): DECIDE,
    ("POST", "/v1/incidents/{incident}/releases"): DECIDE,
    ("PUT", "/v1/units/{unit}"): REPORT,
    ("PUT", "/v1/units/{unit}/shifts"): REPORT,
    ("POST", "/v1/units/{unit}/status"): REPORT,
    ("POST", "/v1/units/{unit}/position"): REPORT,
    ("POST", "/v1/positions"): REPORT,
    ("POST", "/v1/move-proposals"): REPORT,
    ("POST", "/v1/move-proposals/{proposal}/decline"): DECIDE,
    ("POST", "/v1/move-orders"): DECIDE,
    ("PUT", "/v1/closures/{closure}"): REPORT,
    ("DELETE", "/v1/closures/{closure}"): REPORT,
    ("PUT", "/v1/hospitals/{hospital}"): REPORT,
    ("GET", "/v1/jobs"): PLAN,
    ("POST", "/v1/jobs"): PLAN,
    ("GET", "/v1/jobs/{job}"): PLAN,
    ("DELETE", "/v1/jobs/{job}"): PLAN,
    ("POST", "/v1/jobs/{job}/cancel"): PLAN,
    ("GET", "/v1/jobs/{job}/result"): PLAN,
    ("GET", "/v1/jobs/{job}/files/{name}"): PLAN,
}
"""Written by hand from the rules, not read from the code."""


@pytest.fixture
def tokens(store: Store) -> Tokens:
    return Tokens(store.engine)


@pytest.fixture
def guarded(live: Live, tokens: Tokens) -> Iterator[TestClient]:
    app = create_app(live.city, live, access=Access([tokens]))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_every_path_and_every_role(guarded: TestClient, tokens: Tokens) -> None:
    paths = guarded.get("/openapi.json").json()["paths"]
    served = {(method.upper(), path) for path, each in paths.items() for method in each}
    assert {pair for pair in served if pair[1] not in OPEN} == set(MAY)
    secrets = {role: tokens.create(f"a-{role}", role)[1] for role in Role}
    for (method, path), roles in MAY.items():
        where = path.replace("{", "").replace("}", "")
        assert guarded.request(method, where).status_code == 401, (method, path)
        for role, secret in secrets.items():
            if path == "/v1/stream" and role in roles:
                continue  # it never ends; tested by itself
            found = guarded.request(method, where, headers=bearer(secret)).status_code
            assert (found == 403) == (role not in roles), (method, path, role, found)
            assert found < 500, (method, path, role, found)


def test_every_route_declares_its_roles(live: Live) -> None:
    app = create_app(live.city, live, access=Access([]))
    paths = app.openapi()["paths"]
    assert len(paths) > 20
    for path, operations in paths.items():
        for method, operation in operations.items():
            guarded = "security" in operation
            assert guarded == (path not in OPEN), (method, path)


def test_tokens_are_shown_once_expire_and_are_revoked(store: Store) -> None:
    now = [1_000_000.0]
    tokens = Tokens(store.engine, lambda: now[0])
    made, secret = tokens.create("desk-1", Role.DISPATCHER, days=1)
    assert secret.startswith(PREFIX)
    with store.engine.connect() as connection:
        kept = repr(connection.exec_driver_sql("SELECT * FROM tokens").all())
    assert secret not in kept
    assert secret[len(PREFIX) :] not in kept
    assert tokens.principal(secret) == Principal("desk-1", Role.DISPATCHER)
    assert tokens.principal(secret[:-1] + ("A" if secret[-1] != "A" else "B")) is None
    now[0] += 86_401
    assert tokens.principal(secret) is None
    other, second = tokens.create("desk-2", Role.VIEWER)
    assert tokens.principal(second) is not None
    tokens.revoke(other.id)
    assert Tokens(store.engine).principal(second) is None
    tokens._seen.clear()
    assert tokens.principal(second) is None
    for name in (other.id, "none"):
        with pytest.raises(InputError):
            tokens.revoke(name)
    assert [each.id for each in tokens.list()] == [made.id, other.id]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer blt_",
        "Bearer \x7f",
        "Bearer a.b.c",
        "x" * 5000,
    ],
)
def test_strangers_stay_outside(guarded: TestClient, header: str) -> None:
    answer = guarded.get("/v1/units", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = (
    RSA.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def claims(**more: Any) -> dict[str, Any]:
    usual = {
        "iss": "https://id.example",
        "aud": "bluelight",
        "sub": "erika.mustermann@example.org",
        "exp": time.time() + 60,
        "roles": ["staff", "leitstelle"],
    }
    return {name: value for name, value in (usual | more).items() if value is not None}


@pytest.fixture(scope="module")
def oidc() -> Oidc:
    return Oidc(
        OidcOptions(
            issuer="https://id.example",
            audience="bluelight",
            public_key=PUBLIC,
            roles={"leitstelle": Role.DISPATCHER, "technik": Role.ADMIN},
            pseudonym_key="0123456789abcdef",
            leeway_s=0,
        )
    )


def test_a_signed_token_is_believed_and_nobody_is_named(oidc: Oidc) -> None:
    found = oidc.principal(jwt.encode(claims(), RSA, "RS256"))
    assert found is not None
    assert found.role is Role.DISPATCHER
    assert "erika" not in found.name
    assert found == oidc.principal(jwt.encode(claims(), RSA, "PS256"))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"nbf": time.time() + 600},
        {"roles": ["staff"]},
        {"roles": None},
        {"roles": 7},
    ],
)
def test_other_claims_are_not_believed(oidc: Oidc, change: dict[str, Any]) -> None:
    assert oidc.principal(jwt.encode(claims(**change), RSA, "RS256")) is None


def test_other_keys_and_algorithms_are_not_believed(oidc: Oidc) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert oidc.principal(jwt.encode(claims(), stranger, "RS256")) is None
    assert (
        oidc.principal(jwt.encode(claims(), ec.generate_private_key(ec.SECP256R1()), "ES256"))
        is None
    )
    assert oidc.principal(jwt.encode(claims(), "", "none")) is None
    head, body, _ = jwt.encode(claims(), "x" * 32, "HS256").split(".")
    assert oidc.principal(f"{head}.{body}.") is None
    for text in ("", "a.b.c", "..", "blt_x", "a" * 9000):
        assert oidc.principal(text) is None


def test_keys_come_from_one_place() -> None:
    with pytest.raises(ValidationError, match="either"):
        OidcOptions(issuer="i", audience="a", roles={}, pseudonym_key="0123456789abcdef")


def test_too_many_requests_are_told_when_to_come_again(live: Live, tokens: Tokens) -> None:
    secret, other = (tokens.create(name, Role.VIEWER)[1] for name in ("one", "two"))
    app = create_app(live.city, live, access=Access([tokens]), limits=Limits("5/minute"))
    with TestClient(app) as client:
        codes = [client.get("/v1/hospitals", headers=bearer(secret)).status_code for _ in range(8)]
        assert codes == [200] * 5 + [429] * 3
        late = client.get("/v1/hospitals", headers=bearer(secret))
        assert 1 <= int(late.headers["retry-after"]) <= 120
        assert client.get("/v1/hospitals", headers=bearer(other)).status_code == 200


def test_tokens_from_the_command_line(tmp_path: Path) -> None:
    store = str(tmp_path / "log.db")
    made = run("token", "create", "desk-1", "--role", "viewer", "--store", store, "--json").json
    assert made["token"].startswith(PREFIX)
    listed = run("token", "list", "--store", store, "--json").json["tokens"]
    assert [each["name"] for each in listed] == ["desk-1"]
    run("token", "revoke", made["id"], "--store", store)
    assert run("token", "list", "--store", store, "--json").json["tokens"][0]["revoked_at"]
    assert "no name of a workplace" in refused(
        "token", "create", "Erika M.", "--role", "viewer", "--store", store
    )
    assert "there is no token" in refused("token", "revoke", "xyz", "--store", store)


def test_settings_come_from_options_environment_and_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bluelight.toml"
    path.write_text('host = "::1"\nport = 1\nstale_after_s = 60\nstore = "a.db"\n')
    monkeypatch.setenv("BLUELIGHT_PORT", "2")
    monkeypatch.setenv("BLUELIGHT_STORE", "postgresql://me:secret@db/x")
    settings = load_settings({"host": "localhost", "port": None}, path)
    found = shown(settings)
    assert (found["host"], found["port"], found["stale_after_s"]) == ("localhost", 2, 60.0)
    assert found["store"] == "postgresql://me:***@db/x"
    with pytest.raises(InputError, match="--no-auth"):
        load_settings({"host": "192.0.2.1", "no_auth": True})
    path.write_text("nonsense = 1\n")
    with pytest.raises(ValidationError, match="nonsense"):
        load_settings({}, path)
    path.write_text("not toml")
    with pytest.raises(InputError, match="--config"):
        load_settings({}, path)
