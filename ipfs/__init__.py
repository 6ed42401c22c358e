"""IPFS without a daemon: UnixFS files, DAG-PB nodes, CAR archives and block stores, named by CIDs.

``unixfs`` turns a file into blocks whose CIDs equal Kubo's, ``car`` carries blocks in one stream, ``store`` says what
a block store promises, ``local`` and ``memory`` keep the promise. Nothing here knows what the blocks mean.
"""
