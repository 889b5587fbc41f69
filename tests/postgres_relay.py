"""A relay between a process and PostgreSQL. It fails as a restart, a crash or a busy server does."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy.engine import URL, make_url

SOCKET = ".s.PGSQL.5432"
_SSL_REQUEST = 80877103


class Relay:
    """Listens on a socket file in `folder`. `url` leads through the relay to the database of the address given."""

    def __init__(self, upstream: str, folder: Path) -> None:
        self._upstream, self._folder = make_url(upstream), folder
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._refusal: tuple[str, str] | None = None

    @property
    def url(self) -> str:
        url: URL = self._upstream.set(host=None, port=None).update_query_dict({"host": str(self._folder)})
        return url.render_as_string(hide_password=False)

    async def start(self) -> None:
        self._refusal = None
        if self._server is None:
            self._server = await asyncio.start_unix_server(self._serve, str(self._folder / SOCKET))

    async def stop(self) -> None:
        """The socket file is removed, and every connection ends at once."""
        if self._server is not None:
            self._server.close()
            self._server = None
        (self._folder / SOCKET).unlink(missing_ok=True)
        self.cut()

    async def refuse(self, sqlstate: str, text: str) -> None:
        """Connections end, and each new one gets this error as its answer."""
        await self.start()
        self._refusal = (sqlstate, text)
        self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._refusal is not None:
                await self._answer_with_refusal(reader, writer, *self._refusal)
                return
            there_reader, there = await self._connect()
            self._writers.add(there)
            await asyncio.gather(_copy(reader, there), _copy(there_reader, writer))
        writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = self._upstream.query.get("host")
        if isinstance(folder, str) and folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{self._upstream.port or 5432}")
        return await asyncio.open_connection(self._upstream.host, self._upstream.port or 5432)

    async def _answer_with_refusal(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sqlstate: str, text: str
    ) -> None:
        size, code = struct.unpack("!ii", await reader.readexactly(8))
        await reader.readexactly(size - 8)
        if code == _SSL_REQUEST:
            writer.write(b"N")
            size = struct.unpack("!i", await reader.readexactly(4))[0]
            await reader.readexactly(size - 4)
        fields = b"".join(
            kind + value.encode() + b"\0" for kind, value in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", sqlstate), (b"M", text))
        )  # fmt: skip
        writer.write(b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0")
        await writer.drain()
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def relayed(upstream: str, folder: Path) -> AsyncIterator[Relay]:
    relay = Relay(upstream, folder)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()
