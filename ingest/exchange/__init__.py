"""Members' data in and out: change feed, webhooks, whole exports, and two installations that come to agree.

Everything here reads and writes the journal through `ingest.exchange.store.Store`; nothing is held beside it.
"""
