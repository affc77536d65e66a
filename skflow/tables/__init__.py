"""What a table is: its bounds, repeated values and rows; numpy alone at import."""
