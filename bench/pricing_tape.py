"""The tables of docs/pricing.md: what the model asks of loans on like chips, with investment-grade and unrated tenants.

    python -m bench.pricing_tape            the experiments pricing_*, evidence_crisis; about three minutes
    python -m bench.pricing_tape --quick    with a fifth of their scenarios

Every row of the first table is a quoted senior loan of the public table on GB300 GPUs; `rackrisk run
experiment=pricing_tape` gives it alone, in tables/pricing.parquet. Errors of groups add up those of their loans: they
are bounds.
"""

import argparse
from collections.abc import Mapping

import polars as pl

from .evidence import BP, PUBLIC, run, show, total

INVESTMENT_GRADE_PD = 0.002  # a year; Baa and better in data/offtakers.csv
WORLDS: Mapping[str, str] = {
    "pricing_tape": "base",
    "pricing_tenants": "counterparties default twice as often",
    "pricing_rents": "capacity earns half of posted rents, not 0.6",
    "evidence_crisis": "hash_credit_crisis",
}
SPREADS = ("loss_spread", "capital_charge", "fair_spread")


def loans(pricing: pl.DataFrame, book: pl.DataFrame) -> pl.DataFrame:
    """The quoted public loans on GB300 GPUs with a named tenant, the best tenants first."""
    like = PUBLIC & (pl.col("gpus_gb300") > 0) & (pl.col("seniority") == "senior_secured")
    terms = book.filter(like & (pl.col("segment") == "neoclouds")).select("facility_id", pd="offtaker_pd_annual")
    priced = pricing.filter(kind="facility").drop_nulls("quoted_spread_annual")
    found = priced.join(terms.drop_nulls(), left_on="name", right_on="facility_id")
    return found.with_columns(rated=pl.col("pd") <= INVESTMENT_GRADE_PD).sort("pd", "name")


def by_loan(rows: pl.DataFrame) -> list[list[str]]:
    """Spreads of each loan, bp."""
    return [
        [
            row["name"],
            row["offtaker"],
            f"{100 * row['pd']:.2f}",
            *(f"{BP * row[f'{name}_annual']:.1f} ± {BP * row[f'{name}_std_error']:.1f}" for name in SPREADS),
            f"{BP * row['quoted_spread_annual']:.0f}",
            f"{BP * row['mispricing_ci_low']:.0f} to {BP * row['mispricing_ci_high']:.0f}",
        ]
        for row in rows.iter_rows(named=True)
    ]


def mean(rows: pl.DataFrame, column: str) -> float:
    """Of a column in bp, weighted by the present value of the balance."""
    weight = pl.col("pv_balance_usd_years")
    return BP * total(rows.select(pl.col(column) * weight).to_series()) / total(rows["pv_balance_usd_years"])


def gap(worse: pl.DataFrame, better: pl.DataFrame) -> list[str]:
    """What one group of loans is to pay more than another, bp: loss, capital, fair, quoted."""
    parts = [
        f"{mean(worse, f'{name}_annual') - mean(better, f'{name}_annual'):.0f} ± "
        f"{mean(worse, f'{name}_std_error') + mean(better, f'{name}_std_error'):.0f}"
        for name in SPREADS
    ]
    return [*parts, f"{mean(worse, 'quoted_spread_annual') - mean(better, 'quoted_spread_annual'):.0f}"]


def gaps(rows: pl.DataFrame) -> list[tuple[str, list[str]]]:
    """Unrated less investment-grade tenants, of all loans and of one borrower's."""
    meta, all_five, five = (rows.filter(pl.col("name").str.starts_with(f"crwv-ddtl-{n}")) for n in ("4", "5-", "5-5"))
    return [
        ("all", gap(rows.filter(~pl.col("rated")), rows.filter("rated"))),
        ("DDTL 5.0 less 4.0", gap(all_five.join(five, on="name", how="anti"), meta)),
        ("DDTL 5.5 less 4.0", gap(five, meta)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the scenarios")
    share = 5 if parser.parse_args().quick else 1
    found = []
    for name, world in WORLDS.items():
        result, book = run(name, share)
        rows = loans(result.pricing, book)
        if not found:
            header = ("loan", "tenant", "PD, %/y", "loss", "capital", "fair", "quoted", "quoted less fair")
            show(f"Loans on GB300 GPUs, bp a year, {result.n_scenarios:,} scenarios", header, by_loan(rows))
        found += [[world, which, *cells] for which, cells in gaps(rows)]
    header = ("world", "unrated less investment grade", "loss", "capital", "fair", "quoted")
    show("Gaps, bp a year", header, found)


if __name__ == "__main__":
    main()
