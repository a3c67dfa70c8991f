"""The numbers, tables and plots of the documents: one module a figure, and what they share."""
