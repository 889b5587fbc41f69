"""The jobs that carry between domain and xero."""
