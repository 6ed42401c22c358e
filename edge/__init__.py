"""The agent on the device: captures, signs, spools, publishes, uploads, and knows what became of everything.

The spool is the truth: what is recorded is on the disk before it is sent, and goes only when the server has signed for
it. Nothing here needs the server's packages.
"""
