"""Numbers to numbers: intervals and races. No tables of records, no words."""
