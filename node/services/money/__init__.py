"""Money: postings, receipts, views, conservation, the plan by formula.

Face: `checks`, `conservation`, `formula_plan`, `postings`, `receipts`, `views`.
"""
