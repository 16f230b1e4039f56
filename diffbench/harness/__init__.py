"""The lm-evaluation-harness side: task class, fast model, running.

Importing this package imports lm-evaluation-harness and torch, which takes seconds;
commands do so only once they need it.
"""
