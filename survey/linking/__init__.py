"""Which tree of one list is which of another: the common shift of both, then who is who.

=============  ===========================================================================
`trees`        a list of trees as arrays with errors
`change`       how heights change between two surveys
`likelihood`   candidate pairs and how much likelier each is as one tree than as two
`fit`          shift, growth and errors refined together from candidates
`shift`        the common shift (and rotation) of two surveys, or that it cannot be told
`marginals`    the probability of each pair, all other pairs considered
`assignment`   the best set of pairs, each tree once
`link`         the whole way: links, doubts and what they rest on
=============  ===========================================================================
"""
