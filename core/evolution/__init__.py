"""Pure decisions of the search: what is tried next, who is a parent, when a challenger leads. No
I/O.
"""
