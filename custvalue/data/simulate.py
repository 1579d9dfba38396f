"""A retailer whose truth is known: three years of an invented shop, with what is true of it beside the data.

Run ``python -m custvalue.data.simulate FOLDER`` to write the tables as CSV files, with ``truth.json``.
"""

from __future__ import annotations

import argparse
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from custvalue.data.simulation.answers import company_totals, courtesy_truth, rows_truth, world_truth
from custvalue.data.simulation.choices import choose, free_delivery_truth, gift_truth
from custvalue.data.simulation.columns import Numbering
from custvalue.data.simulation.courtesies import catalogue, grant
from custvalue.data.simulation.dirt import spoil
from custvalue.data.simulation.ledger import accounts, ledger, resources
from custvalue.data.simulation.policy import policy_tables
from custvalue.data.simulation.population import populate, possible_purchases
from custvalue.data.simulation.tables import goods_tables, grant_tables, people_tables, trade_tables
from custvalue.data.simulation.trade import trade
from custvalue.errors import CustvalueError, DataError

if TYPE_CHECKING:
    import polars as pl

N_CUSTOMERS: Final = 4000
MIN_CUSTOMERS: Final = 500
SEED: Final = 20251239
SMALL_ROWS: Final = 2000  # tables with fewer rows are written uncompressed, to be looked at


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """The retailer.

    Attributes
    ----------
    tables
        Name of the raw table -> its rows, bad ones included; tables with bad rows hold text.
    truth
        What is true of it, ready for JSON.
    """

    tables: dict[str, pl.DataFrame]
    truth: dict[str, object]


def simulate(*, n_customers: int = N_CUSTOMERS, seed: int = SEED) -> Simulated:
    """Draw the retailer.

    Parameters
    ----------
    n_customers
        With a name; 3 % guests without one come on top.
    seed
        Two runs with the same seed and size are the same to the byte.

    Raises
    ------
    DataError
        Fewer customers than every courtesy needs to occur at least once.
    """
    if n_customers < MIN_CUSTOMERS:
        message = f"A shop of {n_customers} customers is too small for every courtesy to occur in it."
        raise DataError(message, f"Ask for at least {MIN_CUSTOMERS}.")
    lots = [np.random.default_rng([seed, part]) for part in range(6)]
    people = populate(lots[0], n_customers)
    possible = possible_purchases(lots[1], people)
    choices = choose(lots[2], people, possible)
    actual = trade(people, possible, free=choices.treated, gift_day=choices.gift_day)
    grants = grant(lots[3], people, actual, choices.gift_day)
    number = Numbering(people, actual)
    bearer = dict(catalogue().select("measure_id", "default_bearer").iter_rows())
    clean = {
        **people_tables(people, choices),
        **goods_tables(),
        **trade_tables(lots[4], actual, number),
        **grant_tables(lots[4], grants, number, bearer),
        **policy_tables(lots[5]),
        "gl_accounts": accounts(),
    }
    clean["resources"] = resources(clean)
    clean["gl_totals"] = ledger(clean)
    tables, rejected = spoil(clean)
    truth: dict[str, object] = {
        "seed": seed,
        "n_customers": n_customers,
        "world": world_truth(),
        "rows": rows_truth(clean, rejected),
        "totals": company_totals(clean),
        "courtesies": courtesy_truth(clean),
        "free_delivery": free_delivery_truth(people, possible, choices),
        "vip_gift": gift_truth(people, possible, choices, actual),
    }
    return Simulated(tables=dict(sorted(tables.items())), truth=truth)


def write_sample(folder: str | Path, simulated: Simulated) -> None:
    """Write one CSV file a table, the big ones compressed, and truth.json; the bytes depend on the data alone."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, frame in simulated.tables.items():
        text = frame.write_csv(datetime_format="%Y-%m-%d %H:%M:%S", time_format="%H:%M:%S").encode()
        plain, packed = target / f"{name}.csv", target / f"{name}.csv.gz"
        if frame.height < SMALL_ROWS:
            packed.unlink(missing_ok=True)
            plain.write_bytes(text)
        else:
            plain.unlink(missing_ok=True)
            packed.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))
    truth = json.dumps(simulated.truth, indent=1, sort_keys=True) + "\n"
    (target / "truth.json").write_text(truth, encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Write a sample from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m custvalue.data.simulate", description="Write a simulated retailer."
    )
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument(
        "--customers", type=int, default=N_CUSTOMERS, help="customers with a name (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="default %(default)s")
    options = parser.parse_args(arguments)
    try:
        write_sample(options.folder, simulate(n_customers=options.customers, seed=options.seed))
    except CustvalueError as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
