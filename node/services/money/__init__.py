"""Money: postings, receipts, views, conservation, the plan by formula."""
