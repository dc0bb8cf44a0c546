"""How available a design can be: from failures and repairs of its elements to minutes a year for a user."""
