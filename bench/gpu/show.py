"""Tables of the newest GPU record, for README.md and docs/performance.md: `python -m bench.gpu.show`."""

import json
import statistics
from typing import Any

from ..record import RESULTS, table

NOT_MEASURED = "GPU figures are not measured yet: `python -m bench.gpu` on a machine with a GPU writes them."


def newest() -> dict[str, Any] | None:
    """The newest record with timings, if there is one."""
    for path in sorted(RESULTS.glob("gpu-*.json"), reverse=True):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.get("structural"):
            return record
    return None


def tables(record: dict[str, Any]) -> str:
    """Where and when it was measured, then the engines, then the others on the same device."""
    device = record["device"]
    where = (
        f"{device['name']}, {device['multiprocessors']} multiprocessors at up to {device['clock_hz'] / 1e6:,.0f} MHz, "
        f"CUDA {device['cuda']}, CuPy {device['cupy']}, {record['date_utc'][:10]}, commit {record['commit'][:10]}"
    )
    parts = [where, structural_table(record["structural"])]
    if record["copula"]:
        parts.append(copula_table(record["copula"]))
    if record["peers"]:
        parts.append(peer_table(record))
    if record["left_out"]:
        parts.append("not measured: " + "; ".join(record["left_out"]))
    return "\n\n".join(parts)


def structural_table(rows: list[dict[str, Any]]) -> str:
    """Loan-months a second, in billions; the ceiling is that of the simplest month (docs/cuda.md)."""
    timed = ("kernels s", "G/s", "slots", "ceiling", "whole s", "G/s whole")
    header = ("loans", "scenarios", "contagion", *timed, "GiB", "J")
    lines = [
        [
            f"{row['loans']:,}",
            f"{row['scenarios']:,}",
            f"on, {row['price_settled_by']}" if row["contagion"] else "off",
            f"{statistics.median(row['kernels_s']):.4f}",
            f"{row['loan_months_per_s'] / 1e9:.1f}",
            f"{row['issue_slots_per_loan_month']:.0f}",
            f"{row['share_of_issue_ceiling']:.1%}",
            f"{statistics.median(row['whole_s']):.3f}",
            f"{row['loan_months_per_s_whole'] / 1e9:.1f}",
            f"{row['device_memory_gib']:.1f}",
            f"{row['joules']:.1f}" if row["joules"] is not None else "",
        ]
        for row in rows
    ]
    return table(header, lines)


def copula_table(rows: list[dict[str, Any]]) -> str:
    """Loan-scenarios a second, in billions."""
    header = ("names", "grades", "scenarios", "kernels s", "G/s", "slots", "whole s")
    lines = [
        [
            f"{row['names']:,}",
            f"{row['grades']:,}",
            f"{row['scenarios']:,}",
            f"{statistics.median(row['kernels_s']):.4f}",
            f"{row['loan_scenarios_per_s'] / 1e9:.0f}",
            f"{row['issue_slots_per_loan_scenario']:.1f}",
            f"{statistics.median(row['whole_s']):.3f}",
        ]
        for row in rows
    ]
    return table(header, lines)


def peer_table(record: dict[str, Any]) -> str:
    """How many times faster the engine is than others on the same book and device, contagion on."""
    loans = {row["loans"] for row in record["peers"]}
    ours = {row["loans"]: row for row in record["structural"] if row["contagion"] and row["loans"] in loans}
    lines = []
    for row in record["peers"]:
        engine = ours.get(row["loans"])
        whole = "loan_months_per_s_whole" in row
        rate = row["loan_months_per_s_whole" if whole else "loan_months_per_s"]
        own = None if engine is None else engine["loan_months_per_s_whole" if whole else "loan_months_per_s"]
        lines.append([row["name"], f"{row['scenarios']:,}", f"{rate / 1e9:.2f}", f"{own / rate:.1f}" if own else ""])
    return table(("on the same device", "scenarios", "G/s", "CUDA engine is x faster"), lines)


if __name__ == "__main__":
    found = newest()
    print(tables(found) if found else NOT_MEASURED)
