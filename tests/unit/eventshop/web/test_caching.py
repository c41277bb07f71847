"""Pages for somebody are kept by no cache: each view says so, or is wrapped by something that does."""

from __future__ import annotations

import ast

from tools.apps import ROOT

#: `never_cache` and what contains it, and what answers no GET.
SAY_SO = {"never_cache", "customer_required", "person_page", "require_POST", "post_only"}
FOR_EVERYBODY = ("Audience.EVERYBODY", "Audience.STAFF", "Audience.SIGNATURE")  # the console adds it to all its pages


def test_each_page_that_is_not_for_everybody_is_never_cached() -> None:
    pages, kept = 0, []
    for app in ("eventshop", "orders", "projections", "trading", "users"):
        for file in sorted((ROOT / app).rglob("*.py")):
            for function in ast.walk(ast.parse(file.read_text())):
                decorators = [ast.unparse(one) for one in getattr(function, "decorator_list", [])]
                audience = next((one for one in decorators if one.startswith("open_to(Audience.")), "")
                if not audience or any(name in audience for name in FOR_EVERYBODY) or "wraps(view)" in decorators:
                    continue
                pages += 1
                if not any(one.partition("(")[0] in SAY_SO for one in decorators):
                    kept.append((file.name, getattr(function, "name", "")))
    assert pages > 10
    assert kept == []
