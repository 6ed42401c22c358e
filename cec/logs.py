"""Logs of a server: sentences for people or JSON lines for machines, each naming the record that it is about."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

_KNOWN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""Attributes that every log record has; what else it carries was given by whoever logged."""


class JsonLines(logging.Formatter):
    """Formats a log record as one JSON object: time, level, logger, message, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        about = {name: value for name, value in record.__dict__.items() if name not in _KNOWN}
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **about,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class Sentences(logging.Formatter):
    """Formats a log record as a line for people, what it is about at the end."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and a traceback where there is one."""
        about: Mapping[str, object] = {k: v for k, v in record.__dict__.items() if k not in _KNOWN}
        tail = "".join(f" {name}={value}" for name, value in about.items())
        return f"{super().format(record)}{tail}"


def begin_logs(*, as_json: bool, level: str) -> None:
    """Send all logs of this process to the error stream."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else Sentences("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # These tell of every socket and query; a link that breaks is ingest's to tell.
    for name in ("amqtt", "mqtt", "aiosqlite", "transitions", "asyncio", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
