"""Numerical engines: arrays in, arrays out.

Nothing here reads files or configuration. The modules import with NumPy plus one of JAX or CuPy,
so importing the package loads none of them: name the module you want.
"""
