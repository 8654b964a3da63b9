"""What is in a data set, for people: statistics, pictures, anomalies, and the report that shows them."""
