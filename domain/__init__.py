"""The words that every part of CEC shares: records, their one encoding, names and proofs.

Nothing here opens a socket or a file. Other packages import from the modules directly.
"""
