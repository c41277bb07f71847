"""Pages name customers by the end of their id, and staff and components by their names."""

from __future__ import annotations

from eventshop.admin_console.display_names import actor_label, actor_name, short_name

CUSTOMER = "0192aaaa-bbbb-7ccc-8ddd-eeee1a2b3c4d"


def test_a_customer_is_named_by_the_end_of_the_id() -> None:
    assert actor_name(CUSTOMER) == short_name("Customer", CUSTOMER) == "Customer 1a2b3c4d"
    assert actor_label(CUSTOMER) == f'<span title="{CUSTOMER}">Customer 1a2b3c4d</span>'


def test_staff_and_components_are_named_as_they_are() -> None:
    assert actor_name("ada") == actor_label("ada") == "ada"
    assert actor_name("saga:fulfilment") == "saga:fulfilment"


def test_a_name_is_never_markup() -> None:
    assert actor_label("<b>ada</b>") == "<b>ada</b>"
    assert not hasattr(actor_label("<b>ada</b>"), "__html__")  # the template escapes it
