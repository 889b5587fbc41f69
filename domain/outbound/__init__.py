"""Changes of the practice: claimed into deliveries and sent to Xero."""
