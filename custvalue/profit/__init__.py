"""Profit and loss per customer, and what each courtesy costs."""
