"""Documents by an id: automatic persisted queries, and a manifest of the only documents that run."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.context import Process
from api.guards.trusted_documents import TrustedDocuments, read_manifest
from runtime.settings import SettingsError
from tests.api.edge import acknowledged, bearer, codes, data, hear, say, serving, with_settings
from tests.clients import web_client

HELLO, NAMED = "{hello}", "query Q($n: String!) {hello(name: $n)}"
STRICT = {"accept": "application/graphql-response+json"}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def persisted(name: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": name}}


async def test_a_client_sends_a_hash_and_the_text_only_where_it_is_unknown(
    http: httpx.AsyncClient, edge: str, token: str
) -> None:
    text = "query Unknown {hello}"
    body = {"extensions": persisted(digest(text))}
    for headers, status in (({}, 200), (STRICT, 400)):
        unknown = await http.post("/graphql", json=body, headers=headers)
        assert (unknown.status_code, codes(unknown)) == (status, ["BAD_REQUEST"])
        assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert data(await http.post("/graphql", json={**body, "query": text})) == {"hello": "Hello you"}
    assert data(await http.post("/graphql", json=body)) == {"hello": "Hello you"}
    params = {"extensions": json.dumps(body["extensions"])}
    assert data(await http.get("/graphql", params=params)) == {"hello": "Hello you"}
    async with acknowledged(edge, token) as ws:
        await say(ws, {"type": "subscribe", "id": "1", "payload": body})
        assert (await hear(ws))["payload"]["data"] == {"hello": "Hello you"}
        assert (await hear(ws))["type"] == "complete"
        await say(ws, {"type": "subscribe", "id": "2", "payload": {"extensions": persisted("0" * 64)}})
        answer = await hear(ws)
        assert (answer["type"], answer["id"], answer["payload"][0]["message"]) == (
            "error",
            "2",
            "PersistedQueryNotFound",
        )


async def test_a_hash_must_be_that_of_the_document(http: httpx.AsyncClient) -> None:
    for name in (digest("{who}"), digest(HELLO).upper(), "", "x"):
        answer = await http.post("/graphql", json={"query": HELLO, "extensions": persisted(name)})
        assert codes(answer) == ["BAD_REQUEST"]
        assert "The hash is not that of the document" in answer.text
    unknown = await http.post("/graphql", json={"extensions": persisted(digest("{who}"))})
    assert "PersistedQueryNotFound" in unknown.text


@pytest.mark.parametrize("extension", [7, [], {}, {"version": 1}, {"sha256Hash": 7}])
async def test_a_persisted_query_of_another_form_is_refused(
    http: httpx.AsyncClient, extension: object
) -> None:
    answer = await http.post("/graphql", json={"query": HELLO, "extensions": {"persistedQuery": extension}})
    assert codes(answer) == ["BAD_REQUEST"]


async def test_without_a_token_no_document_is_kept(
    stranger: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    text = "query Stranger {hello}"
    body = {"extensions": persisted(digest(text))}
    assert (await stranger.post("/graphql", json={**body, "query": text})).status_code == 401
    assert "PersistedQueryNotFound" in (await http.post("/graphql", json=body)).text


def test_the_documents_that_are_kept_are_bounded() -> None:
    documents = TrustedDocuments()
    for n in range(600):
        text = f"query Q{n} {{hello}}"
        documents.find_text(text, persisted(digest(text)))
    assert documents.find_text(None, persisted(digest("query Q599 {hello}"))) == "query Q599 {hello}"
    assert len(documents._kept) == 500


async def test_with_a_manifest_nothing_else_runs(process: Process, token: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({digest(HELLO): HELLO, "named": NAMED}))
    trusted = with_settings(process, trusted_documents=path)
    async with serving(trusted) as edge, web_client(base_url=f"http://{edge}", headers=bearer(token)) as http:
        runs: list[dict[str, Any]] = [
            {"query": HELLO},
            {"extensions": persisted(digest(HELLO))},
            {"documentId": f"sha256:{digest(HELLO)}"},
            {"doc_id": digest(HELLO), "variables": {}},
            {"id": "named", "variables": {"n": "you"}},
        ]
        for body in runs:
            assert data(await http.post("/graphql", json=body)) == {"hello": "Hello you"}
        assert (await http.get("/graphql", params={"documentId": digest(HELLO)})).status_code == 200
        refused: list[dict[str, Any]] = [
            {"query": "{who}"},
            {"query": f"{HELLO} "},
            {"query": "{who}", "extensions": persisted(digest("{who}"))},
            {"query": "{who}", "id": "named"},
            {"id": "unknown"},
            {"query": "{__typename}"},
        ]
        for body in refused:
            answer = await http.post("/graphql", json=body, headers=STRICT)
            assert (answer.status_code, codes(answer)) == (400, ["BAD_REQUEST"])
            assert "trusted documents only" in answer.text
        async with acknowledged(edge, token) as ws:
            await say(ws, {"type": "subscribe", "id": "1", "payload": {"query": "subscription {forever}"}})
            assert "trusted documents only" in (await hear(ws))["payload"][0]["message"]
            await say(
                ws, {"type": "subscribe", "id": "2", "payload": {"id": "named", "variables": {"n": "you"}}}
            )
            assert (await hear(ws))["payload"]["data"] == {"hello": "Hello you"}


def test_a_manifest_may_have_the_form_of_each_tool(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    operations = [{"id": "a", "name": "A", "type": "query", "body": HELLO}]
    for manifest in (
        {"a": HELLO},
        {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations},
    ):
        path.write_text(json.dumps(manifest))
        assert read_manifest(path) == {"a": HELLO}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"a": 7}', '{"operations": [{"id": "a"}]}', '{"operations": [7]}']
)
def test_a_file_that_is_no_manifest_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"TRUSTED_DOCUMENTS: .*manifest\.json"):
        read_manifest(path)
