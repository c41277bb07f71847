"""The shop's shelves: the start page, the catalogue with its filters, and the pages of products."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.eventstore.event_store import store
from eventshop.operations.rights import Audience, open_to
from eventshop.operations.row_state import digest
from eventshop.runtime.counted_cache import get_or_compute
from eventshop.web.shared.request_limits import limit_requests
from orders.application import basket as baskets
from orders.application import stock_level_port
from orders.application.price_list import read_price_list_state
from orders.domain.stock_item import StockItem, stock_item_id
from orders.domain.vat import included_vat
from orders.models import Category, Product
from orders.pages.forms import QuantityForm, ShelfForm

PAGE_SIZE: Final = 24
#: Products on the start page, and related ones on that of a product.
SHOWN: Final = 8
RELATED: Final = 4
#: Searches from one network address: no index helps to find a part of a name.
SEARCH_RATE: Final = "120/m"
MAX_WORDS: Final = 10
#: How long shelves are kept that nobody asks for.
KEPT_S: Final = 3600
_FIRST_PAGES: Final = re.compile(r"[1-9][0-9]?")


class ShelfItem(NamedTuple):
    """A product with the units on hand; None if they are not known yet."""

    product: Product
    left: int | None


@open_to(Audience.EVERYBODY)
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """The start page: the shelves, and the newest products that can be had."""
    return render(request, "shop/start.html", _read_cached("start", _read_start))


def _read_start() -> dict[str, Any]:
    newest = _on_sale().filter(sku__in=stock_level_port.products_in_stock.get()()).order_by("-added_at", "sku")
    products = newest[:SHOWN] or _on_sale()[:SHOWN]
    return {"categories": list(_categories()), "shelf": _shelf(products)}


@open_to(Audience.EVERYBODY)
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """The products on sale, found by words and filters, with their stock."""
    form = ShelfForm({**request.GET.dict(), "q": request.GET.get("q", "").replace("\0", "")[:100]})
    chosen = form.chosen
    words = str(chosen.get("q", ""))
    if words:
        limit_requests(request, "shop-search", SEARCH_RATE)
    query = urlencode({name: getattr(value, "pk", value) for name, value in chosen.items() if name != "q"})
    number = request.GET.get("page", "1")
    if chosen.keys() & {"q", "least", "most"} or not _FIRST_PAGES.fullmatch(number):
        found = _find(chosen, words, number)  # what people make up has no bound
    else:
        found = _read_cached(f"{query} {number}", lambda: _find(chosen, "", number))
    context = {
        "words": words,
        "chosen": chosen,
        "sorts": ShelfForm.SORTS.items(),
        "is_filtered": bool(chosen.keys() - {"sort"}),
        "query": query,
    }
    return render(request, "shop/catalogue.html", context | found)


def _find(chosen: dict[str, Any], words: str, number: str) -> dict[str, Any]:
    page = Paginator(_filtered(chosen, words), PAGE_SIZE).get_page(number)
    shelf = _shelf(page)
    page.object_list = page.paginator.object_list = ()  # what is cached has their count only
    return {"page": page, "shelf": shelf, "categories": list(_categories())}


def _read_cached(name: str, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was read of the price list in its present state, and of the stock."""
    return get_or_compute("price-list", digest(name, read_price_list_state()), read, KEPT_S)


def _filtered(chosen: dict[str, Any], words: str) -> QuerySet[Product]:
    products = _on_sale()
    for word in words.split()[:MAX_WORDS]:
        products = products.filter(Q(name__icontains=word) | Q(description__icontains=word))
    if "category" in chosen:
        products = products.filter(category=chosen["category"])
    if "least" in chosen:
        products = products.filter(price__gte=chosen["least"])
    if "most" in chosen:
        products = products.filter(price__lte=chosen["most"])
    if "stock" in chosen:
        products = products.filter(sku__in=stock_level_port.products_in_stock.get()())
    return products.order_by(chosen.get("sort", "name"), "sku")


def _on_sale() -> QuerySet[Product]:
    return Product.objects.filter(on_sale=True)


def _categories() -> QuerySet[Category]:
    """The shelves that are not empty."""
    filled = Category.objects.annotate(size=Count("products", filter=Q(products__on_sale=True))).filter(size__gt=0)
    return filled.order_by("position", "name")  # a query that groups has no order of its own


def _shelf(found: Iterable[Product]) -> list[ShelfItem]:
    products = list(found)
    left = stock_level_port.quantities_on_hand([product.sku for product in products])
    return [ShelfItem(product, left.get(product.sku)) for product in products]


@open_to(Audience.EVERYBODY)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def product(request: HttpRequest, sku: str) -> HttpResponse:
    """One product: its stock, the form that puts it into the basket, and others of its shelf."""
    shown = get_object_or_404(Product.objects.select_related("category"), sku=sku, on_sale=True)
    form = QuantityForm(request.POST or None, initial={"quantity": 1})
    if form.is_valid():
        wanted = baskets.quantity_of(request, sku) + form.cleaned_data["quantity"]
        _report_quantity(request, shown.name, wanted, baskets.set_quantity(request, sku, wanted))
        return redirect("orders:basket")
    related = _on_sale().filter(category=shown.category, category__isnull=False).exclude(pk=sku)[:RELATED]
    context = {
        "product": shown,
        "left": _quantity_on_hand(sku),
        "form": form,
        "vat": included_vat([(shown.money, shown.vat_percent)]),
        "related": _shelf(related),
    }
    return render(request, "shop/product.html", context)


def _report_quantity(request: HttpRequest, name: str, wanted: int, quantity: int) -> None:
    """Say what is in the basket now, and if it is less than was wanted, why."""
    if quantity == wanted:
        messages.success(request, f"{name} is in your basket.")
    elif quantity:
        messages.warning(request, f"{name} is in your basket {quantity} times: an order has at most that many of one.")
    else:
        messages.error(request, f"{name} was not added: an order has at most {baskets.MAX_LINES} different products.")


def _quantity_on_hand(sku: str) -> int:
    """The units on hand from the events, so that a reservation made a moment ago counts."""
    events = (recorded.event for recorded in store.get_event_stream(stock_item_id(sku)))
    return StockItem().evolve_all(events).on_hand
