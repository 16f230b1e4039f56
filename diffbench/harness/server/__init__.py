"""Models behind an OpenAI-compatible chat API.

calls      one call: sent, tried again, read, or given up
failures   what a server's refusals mean to the user
seeds      a seed for each call
lm         lm-evaluation-harness's chat client, with these calls
probe      whether the server's replies are independent draws
backend    the parts put together for a run
"""
