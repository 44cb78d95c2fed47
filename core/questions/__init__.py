"""What a model is asked about a competition before the search: its metric, its split, and how
answers are tried.
"""
