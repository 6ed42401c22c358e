"""A crew with its instruments, and the link over which it sends."""
