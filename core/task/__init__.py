"""From a competition folder to its specification, its splits and the views that candidates see."""
