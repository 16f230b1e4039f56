"""Exact scoring and fast sampling of replies; torch only, no lm-evaluation-harness."""
