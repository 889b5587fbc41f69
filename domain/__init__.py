"""Tables, rules, and all functions that change data. No HTTP, no Redis, and no wire format of Xero's."""
