"""What a browser may do from another origin."""

import httpx
import pytest

from api.context import Process
from tests.api.edge import bearer, serving, with_settings
from tests.clients import web_client

ORIGIN = "https://app.example.com"


async def preflight(http: httpx.AsyncClient, *headers: str) -> httpx.Response:
    asks = {"origin": ORIGIN, "access-control-request-method": "POST"}
    if headers:
        asks["access-control-request-headers"] = ",".join(headers)
    return await http.options("/graphql", headers=asks)


@pytest.mark.parametrize(
    "header",
    [
        "authorization",
        "content-type",
        "apollographql-client-name",
        "apollographql-client-version",
        "apollo-require-preflight",
        "x-apollo-operation-name",
        "traceparent",
        "tracestate",
        "baggage",
        "sentry-trace",
        "x-request-id",
        "x-requested-with",
        "x-correlation-id",
        "b3",
        "x-b3-traceid",
        "x-datadog-trace-id",
        "newrelic",
        "graphql-client-name",
        "x-apollo-operation-id",
        "elastic-apm-traceparent",
        "x-amzn-trace-id",
        "request-context",
        "x-tandem-workspace",
        "X-Request-ID",
    ],
)
async def test_the_headers_that_common_clients_send_pass_the_preflight(
    stranger: httpx.AsyncClient, header: str
) -> None:
    answer = await preflight(stranger, "authorization", "content-type", header)
    assert answer.status_code == 200
    allowed = [name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")]
    assert header.lower() in allowed


async def test_another_cors_header_is_refused_until_a_setting_names_it(
    stranger: httpx.AsyncClient, process: Process
) -> None:
    assert (await preflight(stranger, "x-practice")).status_code == 400
    async with (
        serving(with_settings(process, allowed_headers=["X-Practice"])) as edge,
        web_client(base_url=f"http://{edge}") as http,
    ):
        assert (await preflight(http, "x-practice", "authorization", "content-type")).status_code == 200
        assert (await preflight(http, "traceparent")).status_code == 400


async def test_a_browser_may_read_retry_after(stranger: httpx.AsyncClient, token: str) -> None:
    answer = await stranger.post(
        "/graphql", json={"query": "{hello}"}, headers={**bearer(token), "origin": ORIGIN}
    )
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert {"x-request-id", "retry-after"} <= {name.strip() for name in exposed.split(",")}
