"""What `rackrisk --help` says below the list of commands; no line is wider than 80 columns."""

_OVERRIDES = """\
overrides are key=value pairs:
  model=NAME             structural (default), copula
  portfolio=NAME         compute_credit (default), neoclouds, miners,
                         data_centres, synthetic; equal_names for model=copula
  portfolio.tape=FILE    your own tape, CSV or Parquet
  portfolio.count=N      number of generated facilities
  market=NAME            base (default), hash_credit_crisis, replay_2021_2022,
                         replay_2025_2026, flat and merton (for checks against
                         formulas)
  market=FILE.yaml       your own market on top of a shipped one, as
                         `rackrisk calibrate` writes it
  recovery=NAME          base (default), frictionless, thin
  engine=NAME            auto (default: cuda where there is a GPU, else jax),
                         jax, cuda, reference (NumPy, slow)
  scenarios=N months=N seed=N as_of=YYYY-MM-DD
  mechanisms.NAME=false  deflation, duration, leverage, convergence, vacuum,
                         offtake
  copula.KEY=VALUE       for model=copula: asset_correlation, dependence, dof,
                         factor_correlation, horizon_years, lgd.kind
  measures.levels=[0.99,0.999]
  experiment=NAME        a saved set of overrides: quick_look, crisis_miners,
                         no_claims, and those behind the documents:
                         attribution_*, backtest_*, change_*, evidence_*,
                         pricing_* (docs/experiments.md)
  until=MEASURE:P%       go on until half the interval is P % of it: EL:1%,
                         VaR:0.99:2%, ES:0.999:1%
  executor=NAME          local (default; executor.workers=N processes), ray,
                         shard (arrays of jobs, docs/scaling.md)
  out=DIR name=LABEL     where the run goes; default runs/<utc>-<label>-<hash>
all keys with their values and units: rackrisk show-config
"""

_EXAMPLES = """\
examples:
  rackrisk                              the shipped book in the base market
  rackrisk run portfolio=miners market=hash_credit_crisis scenarios=100000
  rackrisk run portfolio.tape=loans.csv out=results/loans
  rackrisk run mechanisms.vacuum=false --json > no_vacuum.json
  rackrisk run model=copula portfolio.tape=book.csv copula.asset_correlation=0.2
  rackrisk attribute portfolio=neoclouds
                                        which mechanism loses the money: 64
                                        worlds, about a minute
  rackrisk sweep market.rent.drift_annual.calm=-0.3,-0.15,0 recovery=base,thin
  rackrisk plan scenarios=1000000       what a run would take
  rackrisk resume runs/A                finishes one that was stopped
  rackrisk rerun runs/A                 the same once more, from the folder
  rackrisk book portfolio=synthetic portfolio.count=1000 --out tape.csv
  rackrisk report runs/20260831T120000Z-compute_credit-base-1a2b3c4d
  rackrisk compare runs/A runs/B        what was configured differently, and
                                        what that did
  rackrisk explain runs/A --scenario 31
                                        the world of one scenario, replayed, and
                                        who lost in it
  rackrisk calibrate rents.csv btc.csv  a market file from price series, for
                                        market=FILE.yaml
  rackrisk validate --quick             known answers on every engine here

exit codes: 0 done (also where the reader of stdout went away, as in `| head`:
the run is kept), 1 a known answer is missed (validate) or other bytes came out
(rerun), 2 bad configuration or data, 75 try again later, 130 or 143 interrupted
"""


def help_text() -> str:
    """Overrides, examples and exit codes."""
    return f"{_OVERRIDES}\n{_EXAMPLES}"
