"""GraphQL over HTTP: which requests are accepted, and how the others are refused."""

import gzip
import json
from typing import Any

import httpx
import pytest

from tests.api.edge import ask, codes, data

JSON = {"content-type": "application/json"}
GRAPHQL_JSON = {"accept": "application/graphql-response+json"}


async def test_a_query_is_answered_in_the_accepted_content_type(http: httpx.AsyncClient) -> None:
    for accept, kind in {
        "*/*": "application/json",
        "application/json": "application/json",
        "application/graphql-response+json": "application/graphql-response+json",
        "application/json;q=0.5, application/graphql-response+json": "application/graphql-response+json",
        "application/graphql-response+json;q=x, application/json": "application/json",
        "text/html": "application/json",
    }.items():
        answer = await http.post("/graphql", json={"query": "{hello}"}, headers={"accept": accept})
        assert (answer.status_code, data(answer)) == (200, {"hello": "Hello you"})
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/api"])
async def test_the_answer_at_an_unknown_path_names_the_path_of_the_api(
    http: httpx.AsyncClient, path: str
) -> None:
    answer = await http.get(path)
    assert (answer.status_code, codes(answer)) == (404, ["NOT_FOUND"])
    assert "The GraphQL API is at /graphql" in answer.json()["errors"][0]["message"]


HOSTILE_BODIES: dict[str, bytes] = {
    "number": b"7",
    "text": b'"x"',
    "null": b"null",
    "list": b'[{"query": "{hello}"}]',
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe{}",
    "deep": b"[" * 100_000,
    "deep within": b'{"query": "{hello}", "variables": {"a": ' + b"[" * 100_000,
    "10,000 digits": b'{"query": "{hello}", "variables": {"a": ' + b"9" * 10_000 + b"}}",
    "NaN": b'{"query": "{hello}", "variables": {"a": NaN}}',
    "query is a number": b'{"query": 7}',
    "no query": b"{}",
    "empty query": b'{"query": ""}',
    "variables are a list": b'{"query": "{hello}", "variables": []}',
    "extensions are a text": b'{"query": "{hello}", "extensions": "x"}',
    "operationName is a list": b'{"query": "{hello}", "operationName": ["a"]}',
    "operationName is unknown": b'{"query": "query a {hello}", "operationName": "b"}',
    "operationName is half a pair": b'{"query": "query a {hello}", "operationName": "\\ud800"}',
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE_BODIES)
async def test_a_hostile_body_is_a_bad_request(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.post("/graphql", content=HOSTILE_BODIES[name], headers=JSON)
    assert (answer.status_code, codes(answer)) == (400, ["BAD_REQUEST"])


HOSTILE_VARIABLES: dict[str, bytes] = {
    "half a pair": rb"\ud800",
    "NUL": rb"\u0000",
}


@pytest.mark.parametrize("name", HOSTILE_VARIABLES)
async def test_text_that_postgresql_cannot_hold_is_refused(http: httpx.AsyncClient, name: str) -> None:
    body = (
        b'{"query": "query($n: String!){hello(name: $n)}", "variables": {"n": "%s"}}'
        % HOSTILE_VARIABLES[name]
    )
    answer = await http.post("/graphql", content=body, headers=JSON)
    assert codes(answer) == ["BAD_REQUEST"]
    literal = b'{"query": "{hello(name: \\"\\%s\\")}"}' % HOSTILE_VARIABLES[name]
    assert codes(await http.post("/graphql", content=literal, headers=JSON)) == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    "text",
    ["\u200b\u202eabc", "👩‍👩‍👧‍👦", "<script>", "'; drop table contact; --", "=cmd", "-0", "株式会社" * 75],
)
async def test_unusual_valid_text_arrives_unchanged(http: httpx.AsyncClient, text: str) -> None:
    answer = await ask(http, "query($n: String!){hello(name: $n)}", n=text)
    assert data(answer) == {"hello": f"Hello {text}"}


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/application/json",
        "application/json; charset=utf-16",
    ],
)
async def test_a_body_of_another_content_type_is_refused(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.post("/graphql", content=b'{"query": "{hello}"}', headers={"content-type": kind})
    assert (answer.status_code, codes(answer)) == (415, ["BAD_REQUEST"])


async def test_a_compressed_body_is_refused_unread(http: httpx.AsyncClient) -> None:
    body = gzip.compress(json.dumps({"query": "{hello}"}).encode())
    answer = await http.post("/graphql", content=body, headers={**JSON, "content-encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods_are_refused(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/graphql")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_get_runs_queries_and_no_mutations(http: httpx.AsyncClient) -> None:
    params = {"query": "query($n: String){hello(name: $n)}", "variables": '{"n": "x"}'}
    assert data(await http.get("/graphql", params=params)) == {"hello": "Hello x"}
    null = await http.get("/graphql", params={"query": "{hello}", "variables": "null", "extensions": "null"})
    assert null.status_code == 200
    for accept in ("application/json", "text/event-stream"):
        query = {"query": 'mutation {rename(name: "x")}'}
        answer = await http.get("/graphql", params=query, headers={"accept": accept})
        assert "renam" not in answer.text
    assert (await http.get("/graphql")).status_code == 400


REQUEST_ERRORS = {
    "syntax": "{",
    "unknown field": "{helo}",
    "unknown fragment": "{...Nope}",
    "circular fragments": "{...A} fragment A on Query {...B} fragment B on Query {...A}",
    "wrong variable": "query($v: Int!){number(value: $v)}",
    "huge number": f"{{number(value: {'9' * 5000})}}",
    "unknown directive": "{hello @nope}",
}


@pytest.mark.parametrize("name", REQUEST_ERRORS)
async def test_a_request_error_has_a_code_and_no_data(http: httpx.AsyncClient, name: str) -> None:
    body = {"query": REQUEST_ERRORS[name]}
    modern = await http.post("/graphql", json=body, headers=GRAPHQL_JSON)
    assert (modern.status_code, set(codes(modern))) == (400, {"BAD_REQUEST"})
    assert "data" not in modern.json()
    assert "Did you mean" not in modern.text
    assert (await http.post("/graphql", json=body)).status_code == 200


async def test_a_repeated_document_gives_the_same_error(http: httpx.AsyncClient) -> None:
    first, second = [(await ask(http, "{hello nope}")).json() for _ in range(2)]
    assert first == second
    assert [data(await ask(http, "{hello}")) for _ in range(2)] == [{"hello": "Hello you"}] * 2


async def test_an_answer_has_at_most_five_errors(http: httpx.AsyncClient) -> None:
    answer = await ask(http, "{" + " ".join(f"no{n}" for n in range(60)) + "}")
    assert codes(answer) == ["BAD_REQUEST"] * 5


async def test_an_internal_error_is_masked_and_logged_under_its_id(
    http: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await ask(http, "{hello broken}")
    (error,) = answer.json()["errors"]
    assert answer.json()["data"] == {"hello": "Hello you", "broken": None}
    assert error["extensions"]["code"] == "INTERNAL"
    assert "cellar" not in answer.text
    written = capsys.readouterr()
    assert error["extensions"]["id"] in written.out + written.err


async def test_a_subscription_runs_over_server_sent_events(http: httpx.AsyncClient) -> None:
    body = {"query": "subscription {count(to: 2)}"}
    answer = await http.post("/graphql", json=body, headers={"accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.count("event: next") == 2
    assert answer.text.endswith("event: complete\ndata: \n\n")


async def test_a_subscription_without_a_stream_names_the_accept_header(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json={"query": "subscription {count(to: 2)}"})
    assert codes(answer) == ["BAD_REQUEST"]
    assert "text/event-stream" in answer.json()["errors"][0]["message"]
    assert "data" not in answer.json()


async def test_an_event_stream_masks_internal_errors(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json={"query": "{broken}"}, headers={"accept": "text/event-stream"})
    assert "cellar" not in answer.text
    assert "INTERNAL" in answer.text


async def test_cors_names_listed_origins_only(http: httpx.AsyncClient) -> None:
    def preflight(origin: str) -> Any:
        asks = {"origin": origin, "access-control-request-method": "POST"}
        return http.options("/graphql", headers=asks)

    listed, other = await preflight("https://app.example.com"), await preflight("https://evil.example")
    assert listed.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-origin" not in other.headers
