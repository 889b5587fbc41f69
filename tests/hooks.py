"""Webhooks as Xero sends them, signed."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any
from uuid import UUID

KEY = "s3cr3t-webhook-key=="


def event(
    tenant: UUID | str, resource: UUID | str, at: datetime, category: str = "CONTACT"
) -> dict[str, Any]:
    return {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/Contacts/{resource}",
        "resourceId": str(resource),
        "tenantId": str(tenant),
        "tenantType": "ORGANISATION",
        "eventDateUtc": at.replace(tzinfo=None).isoformat(timespec="milliseconds"),
        "eventType": "Update",
        "eventCategory": category,
    }


def body(*events: Any, entropy: str = "x") -> bytes:
    return json.dumps(
        {"events": events, "firstEventSequence": 1, "lastEventSequence": len(events), "entropy": entropy}
    ).encode()


def signed(content: bytes, key: str = KEY) -> dict[str, str]:
    signature = base64.b64encode(hmac.digest(key.encode(), content, hashlib.sha256)).decode()
    return {"x-xero-signature": signature, "content-type": "application/json"}
