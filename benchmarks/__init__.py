"""Benchmarks: each holds us against a peer in one run and writes figures to results/."""
