"""Makes the parameter files of domain.names.classification and domain.names.similarity from labelled data; needs requirements/train.txt."""
