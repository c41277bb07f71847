"""What people and their consents add to EventShop."""

from __future__ import annotations

from eventshop.admin_console.sidebar import SidebarItem, SidebarSection
from eventshop.operations.roles import RolePart, view
from eventshop.plugins.plugin import Plugin
from eventshop.privacy.erasure.personal_data_holders import PersonalDataHolder
from eventshop.privacy.processing import processing_grounds
from eventshop.web.pages.navigation import NavigationEntry, anonymous_users, signed_in_users
from eventshop.web.shared.customer_port import customer_port
from users import permissions
from users.application import sign_in_notices
from users.application.category_erasure import erase_categories, erase_consent_data
from users.application.customer_adapter import CustomerAdapter
from users.application.erasure_handlers import (
    close_account,
    erase_personal_data,
    erase_saga_details,
    find_erasure_blockers,
    has_consents,
    record_erasure,
)
from users.application.inactive_accounts import find_inactive_accounts, request_erasures
from users.application.letters import ACCOUNT_LETTERS
from users.application.newsletters import NEWSLETTERS
from users.application.processing_grounds import GroundsOfPeople
from users.application.signed_in_sessions import ENDED_SESSIONS
from users.demo.people import people_commands
from users.domain import errors
from users.domain.upcasters import upcasters
from users.domain.user import User
from users.models import APP_KEYS
from users.sagas.category_erasure_saga import CategoryErasureSaga
from users.sagas.consent_expiry_saga import ConsentExpirySaga
from users.sagas.erasure_effects import EraseCategories, EraseConsentData, EraseTraces, LookForGrounds
from users.sagas.erasure_saga import ErasureSaga

PLUGIN = Plugin(
    aggregates=[User],
    upcasters=[upcasters],
    error_modules=[errors],
    sagas=[ErasureSaga, CategoryErasureSaga, ConsentExpirySaga],
    effect_handlers={
        LookForGrounds: find_erasure_blockers,
        EraseTraces: erase_personal_data,
        EraseCategories: erase_categories,
        EraseConsentData: erase_consent_data,
    },
    bindings=[customer_port.bind(CustomerAdapter()), processing_grounds.bind(GroundsOfPeople())],
    personal_data=[
        PersonalDataHolder("account", erase=close_account),
        PersonalDataHolder("inactive accounts", find_expired=find_inactive_accounts, erase_expired=request_erasures),
        PersonalDataHolder("consents", has_data=has_consents),
        PersonalDataHolder("events", erase=record_erasure),
        PersonalDataHolder("sagas", erase=erase_saga_details),
    ],
    secret_columns=[APP_KEYS],
    letters=ACCOUNT_LETTERS,
    retentions=[ENDED_SESSIONS],
    periodic_jobs=[sign_in_notices.NOTICES, NEWSLETTERS],
    api_urls=["users.api.urls"],
    page_urls=["users.pages.urls", "users.pages.passkey_urls"],
    roles=[
        RolePart("Support", (permissions.REVEAL_PERSONAL,)),
        RolePart(
            "Privacy officer",
            (*view("users", "newsletter"), permissions.REVEAL_PERSONAL, permissions.HOLD_PERSONAL),
        ),
    ],
    sidebar=[
        SidebarSection(
            "Privacy",
            50,
            [
                SidebarItem("Newsletters", "mail", "users.newsletter", order=90),
                SidebarItem("Sessions", "devices", "users.signedinsession", order=95),
            ],
        )
    ],
    navigation=[
        NavigationEntry(
            "My data",
            "users:home",
            order=30,
            about="Your consents, all data we hold about you, and its erasure.",
            visible_to=signed_in_users,
        ),
        NavigationEntry(
            "Sign in",
            "users:sign-in",
            order=40,
            about="With your e-mail address and password.",
            visible_to=anonymous_users,
        ),
        NavigationEntry(
            "Create an account",
            "users:sign-up",
            order=50,
            about="We send you an e-mail first; then you choose a password.",
            visible_to=anonymous_users,
        ),
    ],
    demo_faults=[people_commands],
)
