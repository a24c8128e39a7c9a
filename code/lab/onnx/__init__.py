"""A trained network as a file for a page."""
