"""Searches for an architecture: by gradients, and by a study of many trainings."""
