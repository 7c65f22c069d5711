"""Measurements that print ratios, each taken inside one run: `python -m tests.bench [name…]`.

Machines are noisy, so nothing here is a timed test: each bench prints what it measured beside what
it was measured against, and the target from the project's plan.
"""
