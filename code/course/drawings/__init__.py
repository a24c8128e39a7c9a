"""Drawings that belong to this lecture alone."""
