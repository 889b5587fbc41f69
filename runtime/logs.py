"""Logs on standard error, one line an event, without secrets and without values of the database.

A value is a secret if its name looks like one. A traceback does not show what a database error quotes of a statement's
values or of a row: `runtime.database.create_engine` hides the values that SQLAlchemy would add, and this module hides
those that PostgreSQL and its driver write into their messages.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

SECRET_NAME = re.compile(
    r"token|secret|password|authorization|cookie|api_?key|credential|verifier|(^|_)code$", re.I
)
ADDRESS_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
HIDDEN = "[hidden]"
Form = Literal["json", "text"]


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


def _traceback(exc_info: structlog.typing.ExcInfo) -> str:
    text = "".join(traceback.format_exception(*exc_info)).rstrip()
    said = {str(each): _without_values(each) for each in _chain(exc_info[1]) if _is_databases(each)}
    for message in sorted(filter(None, said), key=len, reverse=True):
        text = text.replace(message, said[message])
    return text


def _chain(error: BaseException | None, seen: frozenset[int] = frozenset()) -> Iterator[BaseException]:
    """The error, its causes, and the errors of a group."""
    if error is None or id(error) in seen:
        return
    yield error
    inner = (error.__cause__, error.__context__, *getattr(error, "exceptions", ()))
    for each in inner:
        yield from _chain(each, seen | {id(error)})


def _is_databases(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in ("asyncpg", "sqlalchemy")


def _without_values(error: BaseException) -> str:
    """The first line and the statement. SQLSTATE class 22 and the driver's own errors quote a value in the first line;
    PostgreSQL quotes a row in the lines after it."""
    state = str(
        getattr(error, "sqlstate", None) or getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    )
    first = str(error).splitlines()[0]
    if state.startswith("22") or "query argument" in first:
        first = f"{HIDDEN}, SQLSTATE {state or 'none'}"
    statement = getattr(error, "statement", None)
    return f"{first} [in: {' '.join(statement.split())[:300]}]" if statement else first


def configure(level: str, form: Form) -> None:
    """Tandem's own logs and those of the libraries (standard logging) are written in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_traceback),
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
