"""What a caller of the client can rely on, for every answer of Xero."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID, uuid4

import httpx
import pytest

from tests.xero.make import NOW, TENANT, Bench, answer, bench, contact, creations, fault
from xero.allowance import ReportedLimits
from xero.errors import (
    Disconnected,
    Reason,
    Rejected,
    Retry,
    RightMissing,
    ScopeMissing,
    Unauthorised,
    Uncertain,
    XeroError,
)
from xero.payloads import ContactUpdate, Creations, NewContact, Updates
from xero.rights import Right

HTML = httpx.Response(200, text="<html>log in</html>", headers={"content-type": "text/html"})


def updates() -> Updates:
    return Updates.of([ContactUpdate(contact_id=uuid4(), name="Ada")])


async def read(made: Bench) -> XeroError:
    with pytest.raises(XeroError) as caught:
        await made.client.contacts_page(1)
    return caught.value


async def write(made: Bench) -> XeroError:
    with pytest.raises(XeroError) as caught:
        await made.client.update_contacts(updates(), "key")
    return caught.value


async def test_a_page_request_includes_archived_contacts_in_a_stable_order() -> None:
    pagination = {"page": 2, "pageSize": 1000, "pageCount": 2, "itemCount": 1001}
    made = bench(answer("Contacts", contact("Ada"), pagination=pagination))
    page = await made.client.contacts_page(2)
    request = made.script.requests[0]
    assert dict(request.url.params) == {
        "page": "2",
        "pageSize": "1000",
        "includeArchived": "true",
        "order": "ContactID ASC",
    }
    assert request.url.path == "/api.xro/2.0/Contacts"
    assert request.headers["accept"] == "application/json"
    assert request.headers["xero-tenant-id"] == str(TENANT)
    assert request.headers["authorization"] == "Bearer token-0"
    assert (page.last, page.page_count, page.item_count) == (True, 2, 1001)
    assert page.server_time == NOW - timedelta(seconds=3)


async def test_a_delta_request_has_a_utc_time_in_seconds() -> None:
    made = bench(answer("Contacts"))
    auckland = timezone(timedelta(hours=13))
    await made.client.contacts_page(1, modified_since=datetime(2026, 11, 24, 1, 2, 3, 999999, auckland))
    request = made.script.requests[0]
    assert request.headers["if-modified-since"] == "2026-11-23T12:02:03"
    assert request.url.params["order"] == "ContactID ASC"


@pytest.mark.parametrize(("count", "last"), [(2, False), (1, True), (0, True)])
async def test_without_pagination_data_an_incomplete_page_is_the_last(count: int, last: bool) -> None:
    made = bench(answer("Contacts", *(contact() for _ in range(count))))
    assert (await made.client.contacts_page(1, page_size=2)).last is last


async def test_an_unreadable_contact_does_not_affect_the_others() -> None:
    bad = contact(Phones="secret number")
    made = bench(answer("Contacts", contact("A"), bad, contact("B"), 7))
    page = await made.client.contacts_page(1)
    assert [c.name for c in page.items] == ["A", "B"]
    assert [u.id for u in page.unreadable] == [UUID(bad["ContactID"]), None]
    assert not any("secret" in u.reason for u in page.unreadable)
    assert page.server_time == NOW - timedelta(seconds=3)


async def test_contacts_are_read_by_ids_in_one_call() -> None:
    ids = [uuid4() for _ in range(40)]
    made = bench(answer("Contacts", contact()))
    await made.client.contacts_by_ids(ids)
    assert made.script.requests[0].url.params["IDs"] == ",".join(map(str, ids))


@pytest.mark.parametrize("count", [0, 41])
async def test_a_read_without_ids_or_with_too_many_is_refused_before_the_call(count: int) -> None:
    made = bench()
    with pytest.raises(ValueError, match="ids a call"):
        await made.client.contacts_by_ids([uuid4() for _ in range(count)])


async def test_an_unknown_contact_number_finds_no_contact() -> None:
    made = bench(httpx.Response(404, text="not here"))
    assert (await made.client.find_contact_by_number("T-1/2")).value is None
    assert made.script.requests[0].url.raw_path == b"/api.xro/2.0/Contacts/T-1%2F2"


async def test_a_number_finds_only_the_contact_that_has_it() -> None:
    made = bench(answer("Contacts", contact(ContactNumber="T-2"), contact("Ada", ContactNumber="T-1")))
    found = (await made.client.find_contact_by_number("T-1")).value
    assert found is not None
    assert found.name == "Ada"


async def test_rates_are_exact_decimals() -> None:
    made = bench(
        httpx.Response(
            200,
            content=b'{"TaxRates":[{"TaxType":"OUTPUT2","EffectiveRate":12.345678901}]}',
            headers={"content-type": "application/json; charset=utf-8"},
        )
    )
    rates = await made.client.tax_rates()
    assert rates.value[0].effective_rate == Decimal("12.345678901")


async def test_an_unreadable_account_makes_the_whole_list_unreadable() -> None:
    made = bench(answer("Accounts", {"AccountID": str(uuid4())}, {"AccountID": 5}))
    with pytest.raises(Retry) as caught:
        await made.client.accounts()
    assert caught.value.reason is Reason.UNREADABLE_ANSWER


async def test_an_answer_without_the_list_is_not_an_empty_list() -> None:
    error = await read(bench(httpx.Response(200, json={"Status": "OK"})))
    assert isinstance(error, Retry)
    assert error.reason is Reason.UNREADABLE_ANSWER


async def test_a_login_page_is_not_accepted_as_an_answer() -> None:
    error = await read(bench(HTML))
    assert isinstance(error, Retry)
    assert error.reason is Reason.UNREADABLE_ANSWER


# -- limits


async def test_without_a_slot_nothing_is_sent_and_the_call_is_retried_later() -> None:
    made = bench(until=NOW + timedelta(seconds=9))
    error = await read(made)
    assert isinstance(error, Retry)
    assert (error.reason, error.at) == (Reason.LIMIT, NOW + timedelta(seconds=9))
    assert made.script.requests == []


async def test_the_limiter_gets_the_numbers_of_xeros_headers() -> None:
    headers = {"X-MinLimit-Remaining": "41", "X-DayLimit-Remaining": "899", "X-AppMinLimit-Remaining": "9000"}
    made = bench(answer("Contacts", headers=headers))
    await made.client.contacts_page(1)
    assert made.limiter.given == [ReportedLimits(200, 41, 899, 9000)]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "17", "x_rate_limit_problem": "minute"}, 17),
        ({"x_rate_limit_problem": "Concurrent"}, 2),
        ({"x_rate_limit_problem": "day"}, 3600),
        ({"retry_after": "soon"}, 60),
        ({"retry_after": "99999999"}, 86_400),
    ],
)
async def test_a_429_gives_the_time_of_the_next_call_and_is_not_repeated(
    headers: dict[str, str], seconds: int
) -> None:
    made = bench(fault(429, **headers))
    error = await read(made)
    until = NOW + timedelta(seconds=seconds)
    assert isinstance(error, Retry)
    assert (error.reason, error.at) == (Reason.LIMIT, until)
    assert made.limiter.given == [ReportedLimits(429, until=until)]


async def test_each_attempt_takes_its_own_slot_and_holds_none_while_it_waits() -> None:
    made = bench(fault(500), fault(502), answer("Contacts"))
    await made.client.contacts_page(1)
    assert len(made.limiter.taken) == len(made.limiter.given) == 3
    assert made.slept == [1.0, 2.0]


async def test_a_call_without_an_answer_keeps_its_slot() -> None:
    made = bench(httpx.ReadError("cut"), answer("Contacts"))
    await made.client.contacts_page(1)
    assert len(made.limiter.taken) == 2
    assert len(made.limiter.given) == 1


async def test_a_call_that_was_not_sent_returns_its_slot() -> None:
    made = bench(httpx.ConnectError("no route"))
    error = await write(made)
    assert isinstance(error, Retry)
    assert error.reason is Reason.UNREACHABLE
    assert made.limiter.given == [None]


# -- failures


async def test_a_read_is_tried_three_times() -> None:
    made = bench(fault(500), httpx.RemoteProtocolError("cut"), fault(504))
    error = await read(made)
    assert isinstance(error, Retry)
    assert error.reason is Reason.SERVER_ERROR
    assert len(made.script.requests) == 3


async def test_a_read_that_timed_out_is_not_repeated() -> None:
    made = bench(httpx.ReadTimeout("slow"))
    error = await read(made)
    assert isinstance(error, Retry)
    assert error.reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (fault(500), 500),
        (fault(502), 502),
        (fault(504), 504),
        (httpx.Response(503, text="upstream connect error"), 503),
        (HTML, 200),
        (httpx.ReadTimeout("slow"), None),
        (httpx.RemoteProtocolError("cut"), None),
    ],
)
async def test_a_write_without_a_certain_answer_is_uncertain_and_not_repeated(
    reply: httpx.Response | Exception, status: int | None
) -> None:
    made = bench(reply)
    error = await write(made)
    assert isinstance(error, Uncertain)
    assert error.status == status
    assert len(made.script.requests) == 1


async def test_a_call_ends_at_its_time_limit_while_bytes_still_arrive() -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.001)
            yield b" "

    made = bench(httpx.Response(200, content=drip()))
    with pytest.raises(Uncertain) as caught:
        await replace(made.client, timeout=0.02).update_contacts(updates(), "key")
    assert caught.value.status is None
    assert made.limiter.given == []


@pytest.mark.parametrize("call", [read, write])
async def test_a_503_that_says_offline_means_that_nothing_was_done(
    call: Callable[[Bench], Awaitable[XeroError]],
) -> None:
    made = bench(httpx.Response(503, text="The Organisation is offline"))
    error = await call(made)
    assert isinstance(error, Retry)
    assert (error.reason, error.at) == (Reason.OFFLINE, NOW + timedelta(minutes=5))


async def test_an_expired_token_is_renewed_once_and_the_call_repeated() -> None:
    made = bench(fault(401, "TokenExpired: token expired at 08/12/2022 07:00:40"), answer("Contacts"))
    await made.client.update_contacts(updates(), "key")
    assert made.tokens.stale == ["token-0"]
    first, second = made.script.requests
    assert second.headers["authorization"] == "Bearer token-1"
    assert (first.content, first.headers["idempotency-key"]) == (second.content, "key")


async def test_a_refused_new_token_is_not_renewed_again() -> None:
    made = bench(fault(401, "TokenExpired"), fault(401, "AuthenticationUnsuccessful"))
    assert isinstance(await read(made), Unauthorised)
    assert len(made.tokens.stale) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_missing_scope_does_not_renew_the_token(status: int) -> None:
    made = bench(fault(status, www_authenticate='Bearer error="insufficent_scope"'))
    assert isinstance(await read(made), ScopeMissing)
    assert made.tokens.stale == []


def connections(*tenants: UUID) -> httpx.Response:
    """Xero's answer about the organisations that share the token."""
    listed = [{"id": str(uuid4()), "tenantId": str(one), "tenantType": "ORGANISATION"} for one in tenants]
    return httpx.Response(200, json=listed)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_missing_scope_is_named_and_stops_only_the_calls_that_need_it(status: int) -> None:
    made = bench(fault(status, www_authenticate='Bearer error="insufficent_scope"'))
    error = await write(made)
    assert isinstance(error, ScopeMissing)
    assert "accounting.contacts" in str(error)
    assert list(made.rights.denied) == [Right.WRITE_CONTACTS]


async def test_a_403_of_xeros_means_disconnected_where_connections_lacks_the_organisation() -> None:
    made = bench(fault(403, "AuthenticationUnsuccessful"), connections(uuid4()))
    assert isinstance(await write(made), Disconnected)
    assert [request.url.path for request in made.script.requests][1:] == ["/connections"]
    assert made.rights.denied == {}


@pytest.mark.parametrize("detail", ["AuthenticationUnsuccessful", "AuthorizationUnsuccessful", "No rights"])
async def test_a_403_of_xeros_is_a_missing_right_where_the_organisation_is_connected(detail: str) -> None:
    made = bench(fault(403, detail), connections(uuid4(), TENANT))
    error = await write(made)
    assert isinstance(error, RightMissing)
    assert (error.right, error.at) == (Right.WRITE_CONTACTS, NOW + timedelta(seconds=5))
    assert "create and change contacts" in str(error)
    assert detail in str(error)
    assert made.rights.denied == {Right.WRITE_CONTACTS: str(error)}


async def test_a_right_that_the_accounting_api_refuses_is_a_missing_right() -> None:
    said = {"ErrorNumber": 0, "Type": "Forbidden", "Message": "The user may not see invoices"}
    made = bench(httpx.Response(403, json=said), connections(TENANT))
    with pytest.raises(RightMissing, match=r"read invoices.*The user may not see invoices"):
        await made.client.invoices_page(1)


async def test_a_status_as_text_is_xeros_form_too() -> None:
    said = {"Title": "Forbidden", "Status": "403", "Detail": "AuthenticationUnsuccessful"}
    assert isinstance(await write(bench(httpx.Response(403, json=said), connections(TENANT))), RightMissing)


async def test_a_valid_token_without_authorisation_is_a_missing_right() -> None:
    made = bench(fault(401, "AuthorizationUnsuccessful"), fault(401, "AuthorizationUnsuccessful"))
    assert isinstance(await read(made), RightMissing)


PAGE = {"content-type": "text/html; charset=utf-8"}
NOT_XEROS = [
    *(
        httpx.Response(status, text="<html>Log in</html>", headers=PAGE)
        for status in (400, 401, 404, 405, 409, 418)
    ),
    httpx.Response(401, text="<html>", headers={**PAGE, "www-authenticate": 'Basic realm="Staff only"'}),
    httpx.Response(401, text="Unauthorized"),
    httpx.Response(401),
    httpx.Response(302, headers={"location": "https://portal.example/login"}),
    httpx.Response(403, text="<html>Forbidden</html>", headers={"content-type": "text/html"}),
    httpx.Response(403, text="403 Forbidden"),
    httpx.Response(403, json={"message": "Forbidden"}),
    httpx.Response(403, json=[]),
    httpx.Response(403),
    httpx.Response(407, text="Proxy Authentication Required"),
]


@pytest.mark.parametrize("answered", NOT_XEROS)
async def test_a_refusal_on_the_way_to_xero_is_no_answer_of_xeros(answered: httpx.Response) -> None:
    made = bench(answered, answered)
    error = await read(made)
    assert isinstance(error, Retry)
    # A 401 first has the token renewed.
    assert (error.reason, len(made.script.requests)) == (Reason.BLOCKED, len(made.tokens.stale) + 1)
    uncertain = await write(bench(answered, answered))
    assert isinstance(uncertain, Uncertain)
    assert uncertain.status == answered.status_code


@pytest.mark.parametrize("status", [413, 414])
async def test_a_request_that_is_too_large_for_a_proxy_is_refused_as_too_large(status: int) -> None:
    error = await write(bench(httpx.Response(status, text="<html>Too large</html>", headers=PAGE)))
    assert isinstance(error, Rejected)


async def test_where_connections_gives_no_answer_a_403_of_xeros_is_tried_again() -> None:
    made = bench(fault(403, "AuthenticationUnsuccessful"), httpx.Response(502))
    error = await write(made)
    assert isinstance(error, Retry)
    assert error.reason is Reason.SERVER_ERROR


async def test_an_expired_token_does_not_hide_that_the_organisation_is_connected() -> None:
    made = bench(fault(403, "AuthenticationUnsuccessful"), fault(401, "TokenExpired"), connections(TENANT))
    assert isinstance(await read(made), RightMissing)
    assert made.tokens.stale == ["token-0"]


async def test_a_right_that_is_closed_costs_no_call_and_the_others_stay_open() -> None:
    made = bench(answer("Contacts", contact("Ada")))
    made.rights.closed[Right.WRITE_CONTACTS] = until = NOW + timedelta(minutes=1)
    error = await write(made)
    assert isinstance(error, RightMissing)
    assert (error.at, made.script.requests) == (until, [])
    await made.client.contacts_page(1)
    assert made.rights.granted == [Right.READ_CONTACTS]


async def test_a_right_is_tried_again_at_its_time() -> None:
    made = bench(answer("Contacts", contact("Ada")))
    made.rights.closed[Right.READ_CONTACTS] = NOW
    await made.client.contacts_page(1)
    assert made.rights.granted == [Right.READ_CONTACTS]


async def test_the_exception_of_a_refused_batch_does_not_quote_xero() -> None:
    body = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": [{"ValidationErrors": [{"Message": "The contact name Ada is already assigned"}]}],
    }
    error = await write(bench(httpx.Response(400, json=body)))
    assert isinstance(error, Rejected)
    assert (error.number, error.messages) == (10, ("The contact name Ada is already assigned",))
    assert "Ada" not in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.LocalProtocolError("Illegal header value b'Bearer token-0'"),
        fault(401, "x"),
        httpx.Response(418),
    ],
)
async def test_no_error_shows_the_token(reply: httpx.Response | Exception) -> None:
    error = await read(bench(reply, reply, reply))
    seen: BaseException | None = error
    while seen is not None:
        assert "token-" not in repr(seen)
        seen = seen.__cause__


async def test_nothing_is_sent_while_a_transaction_is_open() -> None:
    def guard() -> None:
        raise RuntimeError("a transaction is open")

    made = bench(guard=guard)
    with pytest.raises(RuntimeError, match="transaction"):
        await made.client.contacts_page(1)
    assert made.limiter.taken == []


async def test_a_redirect_is_not_followed() -> None:
    made = bench(httpx.Response(302, headers={"location": "https://elsewhere.example/"}))
    assert isinstance(await read(made), Retry)


# -- writes


async def test_a_creation_is_a_put_of_exactly_these_bytes() -> None:
    made = bench(answer("Contacts", contact(ContactNumber="T-1", HasValidationErrors=False)))
    body = creations()
    written = await made.client.create_contacts(body, "k" * 128)
    request = made.script.requests[0]
    assert (request.method, request.content) == ("PUT", body.content)
    assert dict(request.url.params) == {"summarizeErrors": "false"}
    assert request.headers["idempotency-key"] == "k" * 128
    assert [element.saved for element in written.items] == [True]


async def test_each_element_of_a_write_has_its_own_result() -> None:
    errors = [{"Message": "The contact name Ada is already assigned to another contact."}]
    zeros = "00000000-0000-0000-0000-000000000000"
    made = bench(
        answer(
            "Contacts",
            contact("good", StatusAttributeString="OK"),
            contact("errors", ValidationErrors=errors),
            contact("flag", HasValidationErrors=True),
            contact("status", StatusAttributeString="ERROR"),
            {"ContactID": zeros, "Name": "zeros"},
            {"Name": "no id"},
            contact("warned", StatusAttributeString="WARNING"),
        )
    )
    written = await made.client.update_contacts(updates(), "key")
    assert {c.name for c in written.items if c.saved} == {"good", "warned"}
    assert written.items[1].messages == (errors[0]["Message"],)


@pytest.mark.parametrize("key", ["", "k" * 129])
async def test_an_idempotency_key_that_is_too_long_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="128"):
        await bench().client.create_contacts(creations(), key)


@pytest.mark.parametrize(
    "content",
    [
        b'{"Contacts":[{"Name":"Ada"}]}',
        b'{"Contacts":[{"ContactNumber":"T-1","Name":"Ada"}]}',
        b'{"Contacts":[{"ContactID":"00000000-0000-0000-0000-000000000000","Name":"Ada"}]}',
        b'{"Contacts":[]}',
        b'{"Contacts":[{"ContactID":null}]}',
        b"",
    ],
)
def test_an_update_without_a_contact_id_cannot_be_made(content: bytes) -> None:
    with pytest.raises(ValueError):
        Updates(content)


@pytest.mark.parametrize("name", ["", "  "])
def test_a_new_contact_needs_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Creations.of([NewContact(name=name, contact_number="T-1")])


def test_stored_bytes_are_resent_unchanged() -> None:
    made = updates()
    assert Updates(made.content).content == made.content


def test_an_update_holds_only_the_given_members() -> None:
    contact_id = UUID(int=5)
    assert Updates.of([ContactUpdate(contact_id=contact_id, email_address="")]).content == (
        b'{"Contacts":[{"ContactID":"00000000-0000-0000-0000-000000000005","EmailAddress":""}]}'
    )
