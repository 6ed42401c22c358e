"""Where device bytes come from: serial lines, Bluetooth, TCP, UDP, recorded logs; one module a kind.

`address.parse_port` reads an address, `opening.open_port` brings its bytes and opens again what was lost.
"""
