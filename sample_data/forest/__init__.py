"""Stands whose every tree is known, and what years, saws and storms do to them."""
