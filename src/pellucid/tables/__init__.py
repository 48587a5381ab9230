"""Tables of named columns: reading, writing, and turning columns into numbers."""
