"""Customer models: pure numbers in, pure numbers out."""
