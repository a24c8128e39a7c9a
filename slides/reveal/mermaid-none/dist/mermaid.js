// Empty on purpose: reveal-md asks where mermaid lies and never loads it for this deck.
