"""The tree register: an index of what records say, rebuilt from them at any time.

`register.ports` says what an index can do; `register.sqlite` does it without a server, `register.postgres` with
PostgreSQL and PostGIS; `register.opening` chooses by the address.
"""
