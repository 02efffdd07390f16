"""Lines of JSON on stderr."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from api.live.logs import log_as_json

if TYPE_CHECKING:
    import pytest


def test_a_line_of_json_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        log_as_json("info")
        why = ValueError("why")
        logging.getLogger("api.live").error("it %s", "failed", exc_info=why)
        logging.getLogger("api.live").debug("not worth it")
    finally:
        root.handlers[:], root.level = before
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["logger"]) == ("it failed", "error", "api.live")
    assert said["exception"][0]["exc_value"] == "why"
    assert said["timestamp"].endswith("Z")
