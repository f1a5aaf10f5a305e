"""What is simulated and what is measured: one concept a module, imported by name."""
