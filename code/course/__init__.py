"""What makes this lecture from its lessons: records, figures, facts, pages, notebooks."""
