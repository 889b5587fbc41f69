"""Which content type a client gets: JSON, or a stream of server-sent events."""

import httpx
import pytest

from tests.api.edge import data

URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream,"
    " multipart/mixed"
)
MODERN, CLASSIC, STREAM = "application/graphql-response+json", "application/json", "text/event-stream"
# The form of the answer to a query, by what the client accepts.
FORMS = {
    URQL: MODERN,
    "text/event-stream, application/json": CLASSIC,
    "application/json;q=0.9, text/event-stream;q=0.9": CLASSIC,
    "text/event-stream, application/graphql+json": CLASSIC,
    "text/event-stream;q=0.9, application/vnd.api+json": CLASSIC,
    "text/event-stream, */*": CLASSIC,
    "text/event-stream, application/*": CLASSIC,
    "text/event-stream;q=0.5, application/graphql-response+json;q=0.5, */*;q=0.1": MODERN,
    "text/event-stream;q=0, application/json": CLASSIC,
    "text/event-stream;q=0": CLASSIC,
    "TEXT/EVENT-STREAM;Q=0.3 , application/json; q=0.4": CLASSIC,
    "text/event-stream": STREAM,
    "text/event-stream, application/json;q=0.5": STREAM,
    "text/event-stream, */*;q=0.1": STREAM,
    "text/event-stream;charset=utf-8": STREAM,
    "text/event-stream, text/html": STREAM,
    "text/*": CLASSIC,
    "*/*": CLASSIC,
}


def kind(answer: httpx.Response) -> str:
    return answer.headers["content-type"].split(";")[0]


@pytest.mark.parametrize("accept", FORMS)
async def test_a_query_gets_json_if_its_q_is_equal_or_higher(http: httpx.AsyncClient, accept: str) -> None:
    answer = await http.post("/graphql", json={"query": "{hello}"}, headers={"accept": accept})
    assert (answer.status_code, kind(answer)) == (200, FORMS[accept])
    if FORMS[accept] == STREAM:
        assert '{"data":{"hello":"Hello you"},' in answer.text
    else:
        assert data(answer) == {"hello": "Hello you"}


@pytest.mark.parametrize(
    "query",
    [
        'mutation {rename(name: "x")}',
        "query subscription {hello}",
        "fragment subscription on Query {hello} {...subscription}",
        "{hello} # subscription",
    ],
)
async def test_mutations_and_queries_that_name_a_subscription_get_json(
    http: httpx.AsyncClient, query: str
) -> None:
    answer = await http.post("/graphql", json={"query": query}, headers={"accept": URQL})
    assert kind(answer) == MODERN
    assert "errors" not in answer.json()


async def test_the_named_operation_decides_the_content_type(http: httpx.AsyncClient) -> None:
    both = "query one {hello} subscription two {count(to: 1)}"
    for name, form in (("one", MODERN), ("two", STREAM)):
        answer = await http.post(
            "/graphql", json={"query": both, "operationName": name}, headers={"accept": URQL}
        )
        assert kind(answer) == form


@pytest.mark.parametrize("accept", [URQL, "text/event-stream;q=0.1, application/json", "text/event-stream"])
async def test_a_subscription_gets_a_stream_if_the_client_accepts_one(
    http: httpx.AsyncClient, accept: str
) -> None:
    body = {"query": "subscription {count(to: 2)}"}
    answer = await http.post("/graphql", json=body, headers={"accept": accept})
    assert kind(answer) == STREAM
    assert answer.text.count("event: next") == 2
    assert "\r" not in answer.text  # urql shows no event of a stream with CR LF


@pytest.mark.parametrize("accept", ["text/event-stream;q=0, application/json", "*/*", "text/*"])
async def test_a_subscription_is_refused_if_the_client_accepts_no_stream(
    http: httpx.AsyncClient, accept: str
) -> None:
    answer = await http.post(
        "/graphql", json={"query": "subscription {count(to: 2)}"}, headers={"accept": accept}
    )
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


async def test_a_query_by_get_gets_json_too(http: httpx.AsyncClient) -> None:
    answer = await http.get("/graphql", params={"query": "{hello}"}, headers={"accept": URQL})
    assert data(answer) == {"hello": "Hello you"}


@pytest.mark.parametrize("query", ["subscription {", "subscription {nope}"])
async def test_an_invalid_document_is_answered_for_every_accept_header(
    http: httpx.AsyncClient, query: str
) -> None:
    for accept, form in (
        (URQL, MODERN),
        ("text/event-stream", MODERN),
        ("text/event-stream, application/json", CLASSIC),
    ):
        answer = await http.post("/graphql", json={"query": query}, headers={"accept": accept})
        assert kind(answer) == form  # it is refused before a stream begins
        assert answer.status_code == (200 if form == CLASSIC else 400)
        assert "data" not in answer.json()
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["BAD_REQUEST"]
