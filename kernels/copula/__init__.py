"""The copula model's engines: one uniform per name and scenario against a conditional default probability.

Like all kernels these modules take and give arrays; name the module you want. The equations are in `docs/copula.md`.
"""
