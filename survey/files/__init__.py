"""The border: untrusted clouds and reference systems in, files for others out."""
