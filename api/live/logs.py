"""What the service says of itself: a line of JSON on stderr for each thing worth knowing."""

from __future__ import annotations

import logging
import sys

import structlog


def log_as_json(level: str) -> None:
    """Let all that is logged in this process be JSON, with its time and its traceback.

    Parameters
    ----------
    level : str
        From which level on: debug, info, warning or error.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.dict_tracebacks,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("alembic", "numba", "httpcore", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
