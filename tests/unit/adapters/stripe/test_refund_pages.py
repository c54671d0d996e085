"""Pages of refunds, as Stripe lists them."""

from markethub.adapters.stripe.refunds import page


def listed(id: str, reason: str | None) -> dict[str, object]:
    return {
        "id": id,
        "object": "refund",
        "amount": 5000,
        "created": 1_790_000_000,
        "currency": "usd",
        "reason": reason,
        "status": "succeeded",
    }


def test_a_hold_that_was_released_is_left_out_and_the_next_page_begins_after_it() -> None:
    refunds = [listed("re_1", None), listed("re_2", "expired_uncaptured_charge")]

    read = page({"object": "list", "data": refunds, "has_more": True})

    assert (["re_1"], "re_2") == ([each.id for each in read.refunds], read.next_after)
