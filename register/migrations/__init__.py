"""Changes of the register's schema, one file each in `versions`, run by `register.migrating`.

A file there is never edited once released: it says what a schema was, in SQL of its own, not what the code is now.
"""
