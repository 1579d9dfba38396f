"""What a column of an unknown file may hold: told from its heading in some languages, and from its values."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

from custvalue.data.written import as_bare

NAMES: dict[str, tuple[str, ...]] = {
    "customer_id": (
        r"(customer|client|cust|member|account|user|buyer) ?(id|no|nr|number|code|key)?", r"kunden? ?(nr|nummer|id)?",
        r"debitor(en ?nr)?", r"n(o|um[eé]ro) ?client", r"(id ?)?cliente",
    ),
    "email": (r"((customer|billing) )?e? ?mail( address)?",),
    "customer_name": (r"((customer|client|buyer|full|kunden|billing) ?)?name", r"nom( client)?"),
    "ordered_at": (
        r"(order|invoice|purchase|transaction|sale|booking|posting|receipt) ?(date|day|time)( utc)?",
        r"((created|paid|ordered|order) ?(at|on)?|date( ?time)?|day|timestamp)( utc)?", r"datum|tag|fecha",
        r"(rechnungs|bestell|beleg|kauf|verkaufs|buchungs) ?datum", r"date (de )?(commande|facture|vente)",
    ),
    "order_id": (
        r"(order|invoice|receipt|transaction|document|sale) ?(id|no|nr|number|num|#)?", r"bon|pedido|factura",
        r"(beleg|rechnungs?|bestell|auftrags?|bestellung|auftrag) ?(nr|nummer|id)?",
        r"(n(o|um[eé]ro)? ?)?(de )?(commande|facture)",
    ),
    "amount": (
        r"((net|order|line|sales|item|invoice) )?(amount|total|sales|revenue|turnover|value|sum|subtotal)( net)?",
        r"(amount|total|sales|revenue|value|umsatz|betrag) (eur|usd|chf|gbp|€)", r"net|paid|price paid|extended price",
        r"(betrag|umsatz|summe|wert|gesamt(betrag|preis)?)( netto| brutto)?", r"(netto|brutto) ?(betrag|umsatz|summe)?",
        r"montant( ht| ttc)?|total (ht|ttc)|importe|ventas",
    ),
    "unit_price": (r"((unit|item|list|sale) ?)?price", r"(einzel|st[uü]ck)?preis", r"prix( unitaire)?|precio"),
    "quantity": (r"quantity|qty|units|pieces|menge|anzahl|st[uü]ck|quantit[eé]|cantidad",),
    "product_id": (
        r"(product|item|article|stock) ?(id|no|nr|number|code)|sku|asin", r"artikel ?(nr|nummer)|r[eé]f[eé]rence",
    ),
    "description": (r"description|((product|item|article) ?(name)?)", r"artikel|bezeichnung|produkt|libell[eé]"),
    "tax": (r"(sales )?(tax(es)?|vat)( amount)?|mwst|ust|steuer(betrag)?|tva|iva",),
    "currency": (r"currency( code)?|w[aä]hrung|devise|moneda",),
    "status": (r"((order|financial|payment|transaction) )?(status|state|type|kind)", r"art|typ|vorgang|statut"),
    "region": (r"country|region|land|pays|bundesland|city|ort|stadt|ville",),
    "channel": (r"(sales )?channel|source|kanal|canal|store|filiale|shop",),
}  # fmt: skip
"""Role -> headings that mean it, whole and without marks between words."""
ROLES = {role: re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) for role, patterns in NAMES.items()}
DAY_FORMS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d", "%d.%m.%y",
             "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%Y.%m.%d")  # fmt: skip
TIME_FORMS = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", ", %H:%M", ", %H:%M:%S")
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([+-]\d{2}:?\d{2}|Z| UTC)?)?")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
COMMA = re.compile(r"-?(\d{1,3}(\.\d{3})+|\d+),\d{1,4}|-?\d{1,3}(\.\d{3})+")
POINTED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
NEARLY, SAMPLE = 0.95, 2_000


@dataclass(frozen=True, kw_only=True)
class Dates:
    """How a column's dates are written; `form` is None where they are ISO 8601."""

    form: str | None
    other: str | None = None
    """The form that reads all of them as well, with day and month changed."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How a column's numbers are written."""

    decimal: str = "."
    thousands: str | None = None
    signs: tuple[str, ...] = ()
    """Currencies beside them, by code, or by a sign that several have."""
    n_negative: int = 0


def words(heading: str) -> str:
    """Write a heading as the words that it is made of: `InvoiceNo.` is `invoice no`."""
    parted = re.sub(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ])", " ", heading)
    return re.sub(r"[^\w#]+|_", " ", parted).strip().casefold()


def role_of(heading: str) -> str | None:
    """Return what a heading means, if it is one of those we know."""
    said = words(heading)
    return next((role for role, pattern in ROLES.items() if pattern.fullmatch(said)), None)


def sample(column: pl.Series) -> list[str]:
    """Return distinct values, without blanks around them."""
    kept = column.drop_nulls().str.strip_chars()
    return kept.filter(kept != "").unique(maintain_order=True).head(SAMPLE).to_list()


def dates_of(column: pl.Series) -> Dates | None:
    """Tell how a column's dates are written; None where it holds something else."""
    values = sample(column)
    if not values:
        return None
    if sum(bool(ISO.fullmatch(value)) for value in values) >= NEARLY * len(values):
        return Dates(form=None)
    if all(re.fullmatch(r"-?\d{1,7}([.,]\d+)?", value) for value in values):
        return None
    fits = [form for day in DAY_FORMS for form in (day + time for time in TIME_FORMS) if _fits(form, values)]
    if not fits:
        return None
    other = next((form for form in fits[1:] if {form[:2], fits[0][:2]} == {"%d", "%m"}), None)
    return Dates(form=fits[0], other=other)


def _fits(form: str, values: list[str]) -> bool:
    misses = 0
    for value in values:
        try:
            found = dt.datetime.strptime(value, form)  # noqa: DTZ007, only whether it is one
        except ValueError:
            found = None
        misses += found is None or not 1970 <= found.year <= 2100
        if misses > (1 - NEARLY) * len(values):
            return False
    return True


def numbers_of(column: pl.Series) -> Numbers | None:
    """Tell how a column's numbers are written; None where it holds something else."""
    pairs = [as_bare(value) for value in sample(column)]
    values = [value.replace(" ", "") for value, _ in pairs]
    if not values:
        return None
    signs = tuple(sorted({sign for _, sign in pairs if sign}))
    negative = sum(as_bare(value.strip())[0].startswith("-") for value in column.drop_nulls().to_list())
    enough = NEARLY * len(values)
    plain = sum(bool(NUMBER.fullmatch(value)) for value in values)
    comma = sum(bool(COMMA.fullmatch(value) or re.fullmatch(r"-?\d+", value)) for value in values)
    pointed = sum(bool(POINTED.fullmatch(value) or NUMBER.fullmatch(value)) for value in values)
    if plain >= enough and not _all_thousands(values):
        return Numbers(signs=signs, n_negative=negative)
    if comma >= enough and any("," in value for value in values):
        return Numbers(decimal=",", thousands=".", signs=signs, n_negative=negative)
    if pointed >= enough:
        return Numbers(thousands=",", signs=signs, n_negative=negative)
    return Numbers(signs=signs, n_negative=negative) if plain >= enough else None


def _all_thousands(values: list[str]) -> bool:
    """Say whether all numbers with a mark look like thousands: 1.234 with never another count of digits."""
    marked = [value for value in values if "." in value]
    return bool(marked) and all(COMMA.fullmatch(value) for value in marked)
