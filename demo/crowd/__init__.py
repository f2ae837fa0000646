"""Crowded pictures: textured things of many sizes that touch, overlap and lie on each other."""
