"""Parts of dataprep in the hands of other libraries: a transform and a data set for a `DataLoader` of your own."""
