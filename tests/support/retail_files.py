"""Small Online Retail files to import."""

from __future__ import annotations

import gzip
from pathlib import Path

from orders.importers.online_retail.parsing import HEADER


def csv_line(
    invoice: str = "536365",
    sku: str = "71053",
    description: str = "WHITE METAL LANTERN",
    quantity: str = "6",
    at: str = "2010-12-01 08:26:00",
    price: str = "3.39",
    customer: str = "17850.0",
    country: str = "United Kingdom",
) -> str:
    return ",".join((invoice, sku, description, quantity, at, price, customer, country))


def write_sales_file(folder: Path, *lines: str, name: str = "sales.csv", header: str = HEADER) -> Path:
    """Write a file into this folder; compressed if its name ends with `.gz`. `\\udcff` in a line is the byte FF."""
    path, content = folder / name, "".join(f"{text}\n" for text in (header, *lines)).encode(errors="surrogateescape")
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path
