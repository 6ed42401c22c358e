"""Bodies of the records, one module a family: field, frame, result, receipt, keys.

`domain.envelope` signs and reads them; docs/formats.md gives the bytes.
"""
