"""Clouds seen from above to trees."""
