"""Logs, one line an event, on standard error. What looks like a secret by its name is never written."""

import logging
import re
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

SECRET_NAME = re.compile(
    r"token|secret|password|authorization|cookie|api_?key|credential|verifier|(^|_)code$", re.I
)
ADDRESS_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
HIDDEN = "[hidden]"


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hides values under secret-like names at any depth, and passwords in addresses."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: object) -> object:
    if SECRET_NAME.search(name) and not isinstance(value, bool | int | None):
        return HIDDEN
    if isinstance(value, dict):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    return ADDRESS_PASSWORD.sub(rf"\1:{HIDDEN}@", value) if isinstance(value, str) else value


def configure(level: str, form: Literal["json", "text"]) -> None:
    """Ours and the libraries' (standard logging) go the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    text = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    last = text if form == "text" else structlog.processors.JSONRenderer()
    output = logging.StreamHandler()
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[output], level=level, force=True)
    ours = [processor for processor in shared if not isinstance(processor, structlog.stdlib.ExtraAdder)]
    structlog.configure(
        processors=[*ours, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=False,
    )
