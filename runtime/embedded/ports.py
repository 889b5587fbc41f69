"""TCP ports of this machine."""

import errno
import socket

from runtime.embedded.children import StartError


def refuse_busy(host: str, port: int) -> None:
    """Raise StartError if another program listens on the port. The server itself reports other faults of an address."""
    try:
        for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"port {port} is in use: stop the program that uses it, or set PORT to another port"
            ) from None
