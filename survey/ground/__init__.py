"""Which points are noise and which are ground, and the surface between them."""
