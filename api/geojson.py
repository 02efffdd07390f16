"""GeoJSON over HTTP."""

from __future__ import annotations

from fastapi.responses import JSONResponse


class GeoJSONResponse(JSONResponse):
    """A document of GeoJSON (RFC 7946)."""

    media_type = "application/geo+json"
