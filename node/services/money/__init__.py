"""Money: postings, receipts, views, conservation, the plan by formula.

Face: `conservation`, `formula_plan`, `postings`, `receipts`, `views`.
"""
