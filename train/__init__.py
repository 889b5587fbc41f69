"""Makes the parameter files of domain.classify and domain.match from labelled data; needs requirements/train.txt."""
