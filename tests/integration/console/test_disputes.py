"""Disputes in the console: found by their due date, answered once, conceded once."""

from typing import Any

import pytest
from httpx import Response

from markethub.domain.dispute import DisputeStatus
from markethub.entrypoints.setting_values import Role
from tests.support.console import OWN, Desk, hidden, said
from tests.support.disputed import PDF, Disputed
from tests.support.faults import Fault

pytestmark = pytest.mark.anyio


@pytest.fixture
async def case(desk: Desk) -> Disputed:
    """A dispute of 50.00 USD that needs a response, with support signed in."""
    disputed = Disputed(desk.world)
    await disputed.pay()
    await disputed.open()
    await desk.sign_in(Role.SUPPORT)
    return disputed


async def become(desk: Desk, role: Role) -> None:
    """Let somebody else sit down at this browser."""
    desk.client.cookies.clear()
    await desk.sign_in(role)


async def address(case: Disputed) -> str:
    return f"/ops/disputes/{(await case.dispute()).id}"


async def write(desk: Desk, case: Disputed, **texts: str) -> Response:
    """Open the dispute's page and send its form."""
    at = await address(case)
    drafted = hidden(await desk.get(at), "drafted")
    return await desk.send(f"{at}/evidence", {"drafted": drafted, **texts}, at=at)


async def confirmed(desk: Desk, case: Disputed, what: str) -> dict[str, str]:
    """Open the page that asks for a confirmation; return the fields of its form."""
    page = await desk.get(f"{await address(case)}/{what}")
    names = ("csrf", "key", "drafted") if what == "submit" else ("csrf", "key")
    return {name: hidden(page, name) for name in names}


async def post(desk: Desk, case: Disputed, what: str, fields: Any) -> Response:
    return await desk.client.post(f"{await address(case)}/{what}", data=fields, headers=OWN)


# --- the list -----------------------------------------------------------------------------------


async def test_the_list_shows_what_needs_a_response_with_its_due_date(
    desk: Desk, case: Disputed
) -> None:
    page = said(await desk.get("/ops/disputes"))

    assert "needs response fraudulent 50.00 USD" in page


async def test_a_decided_dispute_is_listed_only_where_it_is_asked_for(
    desk: Desk, case: Disputed
) -> None:
    case.bank.change(status="lost")
    await case.tell("charge.dispute.closed")
    pages = [
        said(await desk.get(f"/ops/disputes{query}"))
        for query in ("", "?show=all", "?show=lost", "?show=won")
    ]

    assert [False, True, True, False] == ["50.00 USD" in page for page in pages]


async def test_the_disputes_of_a_payment_are_found(desk: Desk, case: Disputed) -> None:
    payment = await case.payment()
    mine, others = [
        said(await desk.get(f"/ops/disputes?payment={about}"))
        for about in (payment.id, "pay_other")
    ]

    assert [True, False] == ["50.00 USD" in page for page in (mine, others)]


async def test_a_choice_that_there_is_not_is_refused(desk: Desk, case: Disputed) -> None:
    assert 400 == (await desk.get("/ops/disputes?show=nonsense")).status_code


# --- writing ------------------------------------------------------------------------------------


async def test_texts_are_kept_and_not_sent(desk: Desk, case: Disputed) -> None:
    answer = await write(desk, case, product_description="Tea", customer_name="")
    dispute = await case.dispute()
    page = await desk.get(answer.headers["Location"])

    assert {"product_description": "Tea"} == dispute.draft.texts
    assert "support" == dispute.drafted_by
    assert [] == case.bank.executed
    assert "The bank has not been told anything yet" in said(page)


async def test_what_was_typed_is_not_lost_to_somebody_elses_change(
    desk: Desk, case: Disputed
) -> None:
    at = await address(case)
    drafted = hidden(await desk.get(at), "drafted")
    await write(desk, case, product_description="Tea")
    mine = {"drafted": drafted, "product_description": "A kettle"}
    answer = await desk.send(f"{at}/evidence", mine, at=at)

    assert 409 == answer.status_code
    assert "A kettle" in answer.text
    assert {"product_description": "Tea"} == (await case.dispute()).draft.texts


async def test_a_text_as_long_as_the_bank_takes_is_kept(desk: Desk, case: Disputed) -> None:
    longest = "ä" * 20_000
    answer = await write(desk, case, uncategorized_text=longest, product_description=longest)

    assert 303 == answer.status_code
    assert longest == (await case.dispute()).draft.texts["uncategorized_text"]


async def test_more_than_the_bank_takes_in_all_is_refused_and_shown_again(
    desk: Desk, case: Disputed
) -> None:
    names = [
        "access_activity_log",
        "billing_address",
        "cancellation_rebuttal",
        "customer_name",
        "product_description",
        "refund_refusal_explanation",
        "shipping_address",
        "uncategorized_text",
    ]
    answer = await write(desk, case, **dict.fromkeys(names, "x" * 19_000))

    assert 400 == answer.status_code
    assert "150000 characters" in said(answer)
    assert "x" * 19_000 in answer.text


async def test_evidence_shows_as_text_whatever_is_written(desk: Desk, case: Disputed) -> None:
    await write(desk, case, product_description="<script>alert(1)</script>")
    page = await desk.get(await address(case))

    assert "<script>alert" not in page.text


# --- files --------------------------------------------------------------------------------------


async def attach(desk: Desk, case: Disputed, content: bytes, field: str = "receipt") -> Response:
    at = await address(case)
    csrf = hidden(await desk.get(at), "csrf")
    return await desk.client.post(
        f"{at}/files",
        data={"csrf": csrf, "field": field},
        files={"file": ("receipt.pdf", content, "application/pdf")},
        headers=OWN,
    )


async def test_a_file_is_attached(desk: Desk, case: Disputed) -> None:
    answer = await attach(desk, case, PDF)

    assert 303 == answer.status_code
    assert ["receipt"] == list((await case.dispute()).draft.files)


async def test_a_file_of_five_mebibytes_is_taken_and_a_larger_one_is_not(
    desk: Desk, case: Disputed
) -> None:
    most = PDF.ljust(5 * 1024 * 1024, b"x")

    assert 303 == (await attach(desk, case, most)).status_code
    assert 400 == (await attach(desk, case, most + b"x")).status_code


async def test_what_is_no_pdf_jpeg_or_png_is_refused_with_a_sentence(
    desk: Desk, case: Disputed
) -> None:
    answer = await attach(desk, case, b"MZ, a program")

    assert 400 == answer.status_code
    assert "must be a PDF, JPEG or PNG" in said(answer)


# --- submitting ---------------------------------------------------------------------------------


async def test_the_confirmation_shows_what_the_bank_gets_and_says_that_it_is_final(
    desk: Desk, case: Disputed
) -> None:
    await write(desk, case, product_description="Tea from Assam")
    page = said(await desk.get(f"{await address(case)}/submit"))

    assert "Tea from Assam" in page
    assert "This is final." in page


async def test_evidence_is_submitted_once_however_often_the_form_is_sent(
    desk: Desk, case: Disputed
) -> None:
    await write(desk, case, product_description="Tea")
    fields = await confirmed(desk, case, "submit")
    answers = [await post(desk, case, "submit", fields) for _ in range(3)]

    assert [303, 303, 303] == [answer.status_code for answer in answers]
    assert 1 == len(case.bank.executed)
    assert DisputeStatus.UNDER_REVIEW == (await case.dispute()).status


async def test_the_story_says_who_submitted_and_why(desk: Desk, case: Disputed) -> None:
    await write(desk, case, product_description="Tea")
    fields = await confirmed(desk, case, "submit")
    await post(desk, case, "submit", {**fields, "reason": "The parcel was signed for"})
    page = said(await desk.get(await address(case)))

    assert "The submission was confirmed by support The parcel was signed for" in page
    assert "hand the evidence to the bank: done" in page


async def test_what_was_written_after_the_confirmation_was_opened_is_not_submitted_unseen(
    desk: Desk, case: Disputed
) -> None:
    await write(desk, case, product_description="Tea")
    fields = await confirmed(desk, case, "submit")
    await write(desk, case, product_description="A kettle")
    answer = await post(desk, case, "submit", fields)

    assert (409, []) == (answer.status_code, case.bank.executed)


async def test_nothing_drafted_cannot_be_submitted(desk: Desk, case: Disputed) -> None:
    answer = await desk.get(f"{await address(case)}/submit")

    assert 400 == answer.status_code
    assert "nothing is drafted" in said(answer)
    assert "Submit the evidence" not in said(await desk.get(await address(case)))


async def test_an_unknown_outcome_is_shown_as_unknown_and_offers_nothing(
    desk: Desk, case: Disputed
) -> None:
    await write(desk, case, product_description="Tea")
    case.bank.faults = [Fault.LOST_REPLY]
    fields = await confirmed(desk, case, "submit")
    answer = await post(desk, case, "submit", fields)
    page = said(await desk.get(answer.headers["Location"]))

    assert 303 == answer.status_code
    assert "its outcome is unknown" in page
    assert "failed" not in page.lower()
    assert "Keep the texts" not in page
    assert "Submit the evidence" not in page


async def test_a_form_sent_again_after_an_unknown_outcome_finishes_the_same_request(
    desk: Desk, case: Disputed
) -> None:
    await write(desk, case, product_description="Tea")
    case.bank.faults = [Fault.LOST_REPLY]
    fields = await confirmed(desk, case, "submit")
    await post(desk, case, "submit", fields)
    await post(desk, case, "submit", fields)

    assert 1 == len(case.bank.executed)
    assert DisputeStatus.UNDER_REVIEW == (await case.dispute()).status


async def test_evidence_that_the_provider_refuses_is_reported_with_its_page(
    desk: Desk, case: Disputed
) -> None:
    await write(desk, case, product_description="Tea")
    case.bank.declines_with = "evidence_too_long"
    answer = await post(desk, case, "submit", await confirmed(desk, case, "submit"))

    assert 502 == answer.status_code
    assert "evidence_too_long" in said(answer)


async def test_a_dispute_that_is_decided_takes_no_evidence(desk: Desk, case: Disputed) -> None:
    await write(desk, case, product_description="Tea")
    fields = await confirmed(desk, case, "submit")
    case.bank.change(status="lost")
    await case.tell("charge.dispute.closed")
    answer = await post(desk, case, "submit", fields)

    assert 409 == answer.status_code
    assert [] == case.bank.executed


# --- conceding ----------------------------------------------------------------------------------


async def test_the_confirmation_says_that_it_concedes_the_money(desk: Desk, case: Disputed) -> None:
    await become(desk, Role.REFUNDER)
    page = said(await desk.get(f"{await address(case)}/accept"))

    assert "This concedes the money, for good." in page
    assert "50.00 USD" in page


async def test_a_dispute_is_conceded_once_however_often_the_form_is_sent(
    desk: Desk, case: Disputed
) -> None:
    await become(desk, Role.REFUNDER)
    fields = await confirmed(desk, case, "accept")
    answers = [await post(desk, case, "accept", fields) for _ in range(2)]

    assert [303, 303] == [answer.status_code for answer in answers]
    assert 1 == len(case.bank.executed)
    assert DisputeStatus.LOST == (await case.dispute()).status


async def test_support_is_offered_no_concession_and_a_viewer_nothing_at_all(
    desk: Desk, case: Disputed
) -> None:
    await write(desk, case, product_description="Tea")
    shown = {}
    for role in (Role.VIEWER, Role.SUPPORT, Role.REFUNDER):
        await become(desk, role)
        page = said(await desk.get(await address(case)))
        offers = ("Submit the evidence", "Accept the dispute", "Keep the texts", "Attach")
        shown[role] = [offer for offer in offers if offer in page.replace("attached", "")]

    assert shown == {
        Role.VIEWER: [],
        Role.SUPPORT: ["Submit the evidence", "Keep the texts", "Attach"],
        Role.REFUNDER: ["Submit the evidence", "Accept the dispute", "Keep the texts", "Attach"],
    }


async def test_support_may_not_concede_even_without_the_page(desk: Desk, case: Disputed) -> None:
    answer = await desk.send(f"{await address(case)}/accept", {"key": "k" * 22})

    assert (403, []) == (answer.status_code, case.bank.executed)
