"""The one place that knows the whole line: from an uploaded cloud to trees, blocks, register and anchor.

Each step is a job of the journal, taken again after a crash and committed once by its id.
"""
