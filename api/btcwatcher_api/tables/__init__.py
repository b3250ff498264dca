"""The partitioned tables of signals and notifications over time: months made ahead, and what is old dropped."""
