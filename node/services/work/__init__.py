"""Work assignments: checks, actions, views, deadlines.

Face: `actions`, `checks`, `deadlines`, `orders`, `views`.
"""
