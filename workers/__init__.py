"""The jobs that move data between the practice and Xero."""
