"""The limit of each test (pytest's --timeout) counts work, not seconds: see tests/patience.py."""

import signal
from types import FrameType

import pytest
import pytest_timeout

from tests.patience import TICK, Patience

__all__ = ["pytest_timeout_cancel_timer", "pytest_timeout_set_timer"]


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> bool | None:
    """Looks at the limit every TICK in the main thread, and fails the test as pytest-timeout does."""
    if settings.method != "signal":
        return None
    limit = Patience(settings.timeout)

    def look(_: int, __: FrameType | None) -> None:
        if limit.is_over():
            pytest_timeout.timeout_sigalrm(item, settings)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
