"""What this lecture has besides its lessons. In a new course the dictionaries in here are empty."""
