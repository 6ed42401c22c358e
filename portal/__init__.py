"""The web portal: pages and a JSON API over the tree register, the block store and the chain.

`portal.app.create_app` builds it from settings and the ports of `portal.ports`.
"""
