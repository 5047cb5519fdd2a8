"""`sweeper transfer STUDY --over KEY=SIZES --to SIZE`: the best rate at a size too large to search."""
