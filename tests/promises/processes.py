"""Workers as processes of their own, so that a test can kill them."""

import asyncio
import os
import sys

from runtime.settings import Settings
from tests.workers.connected import Connected


def environment(settings: Settings) -> dict[str, str]:
    secret = settings.xero_client_secret
    assert secret is not None
    return {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
        "DATABASE_URL": str(settings.database_url),
        "REDIS_URL": str(settings.redis_url),
        "TANDEM_KEYS": settings.tandem_keys[0].get_secret_value(),
        "XERO_CLIENT_ID": str(settings.xero_client_id),
        "XERO_CLIENT_SECRET": secret.get_secret_value(),
        "XERO_IDENTITY_URL": settings.xero_identity_url,
        "XERO_API_URL": settings.xero_api_url,
    }


async def worker(here: Connected) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "runtime", "worker")
    return await asyncio.create_subprocess_exec(*command, env=environment(here.process.settings))
