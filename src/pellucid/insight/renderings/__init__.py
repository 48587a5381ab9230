"""The renderings of a trace's story: text, HTML with MathML, LaTeX, plain data."""
