"""Two campaigns over one stand: which tree is which, how it grew, what is new, what is not seen and what is gone.

============  ==========================================================================
`seen`        a tree and a campaign as this room sees them: plain values in
`growth`      differences of two estimates and their errors
`cover`       what a campaign covered, and how likely it saw a tree
`unseen`      earlier trees without a later one: gone only with evidence
`arrivals`    later trees without an earlier one: grown in, or missed before
`crowns`      merges and splits
`result`      what a re-survey says
`compare`     the whole way
============  ==========================================================================
"""
