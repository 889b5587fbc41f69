"""TCP ports of this machine."""

import errno
import socket

from runtime.embedded.children import StartError


def refuse_busy(host: str, port: int) -> None:
    """Raises StartError where another listens there. What else is wrong with an address, the server says."""
    try:
        for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(f"port {port} is in use; stop what uses it, or set PORT to another") from None
