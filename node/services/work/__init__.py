"""Work assignments: checks, actions, views, deadlines."""
