"""A simulator of forests, scanners and crews whose every tree is known.

Real clouds come without truth; here the truth comes first. Everything is a function of a seed: terrain, stand,
flight, crew and the faults of a bad link. Only ``domain``, numpy and numba are used, so that no estimator can leak into
the truth it is judged by.
"""
