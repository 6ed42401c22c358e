"""Signed records of surveys: what is said of trees, and of what became of those known before."""
